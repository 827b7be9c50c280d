import { describe, expect, it, vi } from 'vitest';
import { eventChunks } from '#src/api/events/event-chunks.js';
import { LatestEvents } from '#src/api/events/latest-events.js';

const COMMENT = ':\n\n';

/** Subjects whose last event is remembered. */
const MOST = 10;

const progress = (events: LatestEvents, subject: string, doneBytes: number) =>
  events.publish(subject, { name: 'progress', isPassing: true, data: () => ({ subject, doneBytes }) });
const indexed = (events: LatestEvents, subject: string) =>
  events.publish(subject, { name: 'indexed', isPassing: false, data: () => ({ subject }) });

/** A reader of a stream, chunk by chunk. */
function reader(events: LatestEvents, after = 0) {
  const ends = new AbortController();
  const chunks = eventChunks(events, { after, idText: String, signal: ends.signal });
  const next = async () => Buffer.from((await chunks.next()).value ?? '').toString();
  return { next, ends };
}

const text = (id: number, name: string, data: object) =>
  `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

describe('a slow reader', () => {
  it('gets the last event of each subject, whatever came meanwhile', async () => {
    const events = new LatestEvents(MOST);
    const { next } = reader(events);
    expect(await next()).toBe(COMMENT);
    progress(events, 'a', 0);
    expect(await next()).toBe(text(1, 'progress', { subject: 'a', doneBytes: 0 }));
    for (let done = 1; done <= 100_000; done++)
      for (const one of ['a', 'b', 'c']) progress(events, one, done);
    indexed(events, 'a');
    expect(await next()).toBe(text(300_000, 'progress', { subject: 'b', doneBytes: 100_000 }));
    progress(events, 'c', 100_001);
    expect(await next()).toBe(text(300_002, 'indexed', { subject: 'a' }));
    expect(await next()).toBe(text(300_003, 'progress', { subject: 'c', doneBytes: 100_001 }));
  });

  it('makes no event into text that it does not get', async () => {
    const events = new LatestEvents(MOST);
    let made = 0;
    const { next } = reader(events);
    await next();
    for (let i = 0; i < 1_000; i++) {
      const data = () => ({ count: ++made });
      events.publish('a', { name: 'progress', isPassing: true, data });
    }
    expect(await next()).toBe(text(1_000, 'progress', { count: 1 }));
    expect(await reader(events, 0).next()).toBe(COMMENT);
    expect(made).toBe(1);
  });
});

describe('a reader', () => {
  it('gets progress five times a second at most', async () => {
    const events = new LatestEvents(MOST);
    const { next, ends } = reader(events);
    await next();
    const begun = performance.now();
    const ticker = setInterval(() => progress(events, 'a', performance.now() - begun), 1);
    for (let i = 0; i < 4; i++) expect(await next()).toContain('event: progress');
    clearInterval(ticker);
    expect(performance.now() - begun).toBeGreaterThan(550);
    ends.abort(new Error('gone'));
    await expect(next()).rejects.toThrow('gone');
  });

  it('gets the end at once', async () => {
    vi.useFakeTimers(); // no pause ends
    try {
      const events = new LatestEvents(MOST);
      const { next } = reader(events);
      await next();
      progress(events, 'a', 1);
      expect(await next()).toContain('event: progress');
      const coming = next();
      progress(events, 'a', 2); // this one waits
      indexed(events, 'b');
      expect(await coming).toContain('event: progress\ndata: {"subject":"a","doneBytes":2}');
      expect(await next()).toContain('event: indexed\ndata: {"subject":"b"}');
    } finally {
      vi.useRealTimers();
    }
  });

  it('resumes after the event that it had last', async () => {
    const events = new LatestEvents(MOST);
    for (const subject of ['a', 'b', 'c']) indexed(events, subject);
    const { next } = reader(events, 2);
    await next();
    expect(await next()).toBe(text(3, 'indexed', { subject: 'c' }));
  });

  it('that waits ends with its client, and leaves nothing', async () => {
    const events = new LatestEvents(MOST);
    const { next, ends } = reader(events);
    await next();
    const waiting = next();
    expect(events.waiting).toBe(1);
    ends.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    expect(events.waiting).toBe(0);
  });
});

describe('events that are remembered', () => {
  it('are those of the last subjects, and those about which more is coming', () => {
    const events = new LatestEvents(3);
    progress(events, 'running', 1);
    for (const subject of ['a', 'b', 'c']) indexed(events, subject);
    const names: string[] = [];
    for (let event = events.next(0); event; event = events.next(event.id))
      names.push((JSON.parse(event.text) as { subject: string }).subject);
    expect(names).toEqual(['running', 'b', 'c']);
  });

  it('are bounded, whatever they are', () => {
    const events = new LatestEvents(3);
    for (let i = 0; i < 100; i++) progress(events, `${i}`, i);
    expect(events.next(0)?.id).toBe(98);
  });
});
