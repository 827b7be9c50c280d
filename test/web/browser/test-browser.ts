import { existsSync } from 'node:fs';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
  type Request,
} from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';

/** scripts/test installs it. */
export const HAS_CHROMIUM = existsSync(CHROMIUM);

/** How long a page may take for anything, on a machine that has much to do. */
export const PAGE_MS = 8_000;

/** Size of a desktop's window, in CSS pixels. */
const VIEWPORT = { width: 1300, height: 800 };

/** Breaches of the policy become messages, and so faults: a blocked request says nothing else. */
const REPORT_BREACHES = `document.addEventListener('securitypolicyviolation', (event) =>
  console.error('content security policy: ' + event.violatedDirective + ' ' + event.blockedURI))`;

/** Headless Chromium for the tests of one file. It collects what its pages report. */
export class TestBrowser {
  readonly #browser: Browser;
  readonly #pages: Page[] = [];
  #faults: string[] = [];
  #expected: RegExp[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(): Promise<TestBrowser> {
    return new TestBrowser(await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] }));
  }

  /** @param origin of the server: a request to another one is a fault */
  async newPage(origin: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({ viewport: VIEWPORT, ...options });
    context.setDefaultTimeout(PAGE_MS);
    await this.#watch(context, origin);
    const page = await context.newPage();
    this.#pages.push(page);
    return page;
  }

  async #watch(context: BrowserContext, origin: string): Promise<void> {
    await context.addInitScript(REPORT_BREACHES);
    context.on('weberror', (error) => this.#faults.push(`uncaught: ${error.error().message}`));
    context.on('console', (message) => {
      const { url } = message.location();
      if (['error', 'warning'].includes(message.type())) this.#faults.push(`${message.text()} ${url}`);
    });
    context.on('request', (request) => {
      if (isElsewhere(request.url(), origin)) this.#faults.push(`request to ${request.url()}`);
    });
    context.on('requestfailed', (request) => {
      if (!isCancelled(request)) this.#faults.push(`${request.failure()?.errorText} ${request.url()}`);
    });
  }

  /** Names a fault that the test causes. It must come, and any number of times. */
  expectFault(pattern: RegExp): void {
    this.#expected.push(pattern);
  }

  /** The pages that are open. */
  get pages(): readonly Page[] {
    return this.#pages;
  }

  /**
   * Closes the pages of a test.
   *
   * @returns what they reported unexpectedly, and the expected faults that did not come
   */
  async closePages(): Promise<string[]> {
    for (const page of this.#pages.splice(0)) {
      await page.unrouteAll({ behavior: 'ignoreErrors' });
      await page.context().close();
    }
    const [faults, expected] = [this.#faults, this.#expected];
    this.#faults = [];
    this.#expected = [];
    const missed = expected.filter((pattern) => !faults.some((fault) => pattern.test(fault)));
    return [
      ...faults.filter((fault) => !expected.some((pattern) => pattern.test(fault))),
      ...missed.map((pattern) => `expected: ${pattern}`),
    ];
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}

function isElsewhere(url: string, origin: string): boolean {
  const { protocol, origin: asked } = new URL(url);
  return protocol !== 'data:' && protocol !== 'blob:' && asked !== origin;
}

/** The page cancels requests of a view that it leaves, and the browser those of a page. */
function isCancelled(request: Request): boolean {
  return request.failure()?.errorText === 'net::ERR_ABORTED';
}
