import { signal } from '@preact/signals';
import { useEffect, useReducer, useRef, useState } from 'preact/hooks';
import type { ProgressRecord } from '../../../api/schemas/progress.js';
import { ApiError, getJson, getLines, type Query } from '../../model/api.js';

/** Counts up to request again what failed. */
export const attempts = signal(0);

/** The state of a request. */
export interface Requested {
  isDone: boolean;
  error: ApiError | undefined;
  progress: ProgressRecord | undefined; // while the image is indexed
}

const BEGUN: Requested = { isDone: false, error: undefined, progress: undefined };

/** Milliseconds between two renderings of a stream that goes fast. */
const RENDER_MS = 80;

/** Requests JSON, again when the query changes. @param query undefined: nothing */
export function useJson<T>(route: string, query: Query | undefined): Requested & { value: T | undefined } {
  const key = keyOf(route, query);
  const begun = { ...BEGUN, value: undefined, key };
  const [state, setState] = useState<Requested & { value: T | undefined; key: string }>(begun);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const set = (change: Partial<typeof state>) => {
      if (!signal.aborted) setState((before) => ({ ...before, ...change }));
    };
    set(begun);
    if (query === undefined) return;
    getJson<T>(route, query, { signal, onPending: (progress) => set({ progress }) }).then(
      (value) => set({ value, isDone: true }),
      (error: unknown) => set({ error: asApiError(error), isDone: true }),
    );
    return () => controller.abort();
  }, [key]);
  // Until the effect has run, the state is that of the request before.
  return state.key === key ? state : begun;
}

/** What came of a stream. The array grows in place. */
export interface Streamed<T> extends Requested {
  rows: readonly T[];
  isCut: boolean; // there are more than `max`
}

/** Requests lines, again when the query changes. @param max lines after which the request ends */
export function useLines<T>(
  route: string,
  query: Query | undefined,
  max = Number.POSITIVE_INFINITY,
): Streamed<T> {
  const [, render] = useReducer((count: number) => count + 1, 0);
  const key = keyOf(route, query);
  const begun = { ...BEGUN, rows: [] as T[], isCut: false, key };
  const state = useRef(begun);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const own: Requested & typeof begun = { ...begun };
    state.current = own;
    render(undefined);
    if (query === undefined) return;
    let timer: number | undefined;
    const renderSoon = () => {
      timer ??= window.setTimeout(() => {
        timer = undefined;
        render(undefined);
      }, RENDER_MS);
    };
    const read = async () => {
      const onPending = (progress: ProgressRecord) => {
        own.progress = progress;
        renderSoon();
      };
      try {
        for await (const row of getLines<T>(route, query, { signal, onPending })) {
          if (own.rows.length >= max) {
            own.isCut = true;
            break;
          }
          own.rows.push(row);
          renderSoon();
        }
      } catch (error) {
        own.error = asApiError(error);
      }
      own.isDone = true;
      if (!signal.aborted) render(undefined);
    };
    void read();
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, [key]);
  return state.current.key === key ? state.current : begun;
}

/** The key of a request: a change of it, or a new try, requests again. */
function keyOf(route: string, query: Query | undefined): string {
  return query === undefined ? '' : `${attempts.value} ${route} ${JSON.stringify(query)}`;
}

export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError('INTERNAL', String(error), 0);
}
