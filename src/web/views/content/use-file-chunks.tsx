import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { type ApiError, getBytes, type Query } from '../../model/api.js';
import { RequestState } from '../parts/request-state.js';
import { asApiError } from '../parts/requests.js';
import { FileChunks } from './file-chunks.js';

/** The bytes of a file for a component. Its requests end with the component. */
export function useFileChunks(query: Query, size: number) {
  const [fault, setFault] = useState<ApiError>();
  const controller = useMemo(() => new AbortController(), []);
  const chunks = useMemo(
    () => new FileChunks(size, (range, signal) => getBytes(query, range, signal), controller.signal),
    [],
  );
  useEffect(() => () => controller.abort(), []);
  /** Shows why a request failed. */
  const attempt = (work: Promise<unknown>) => {
    work.then(
      () => setFault(undefined),
      (reason: unknown) => {
        if (!controller.signal.aborted) setFault(asApiError(reason));
      },
    );
  };
  const error: ComponentChildren = fault && (
    <RequestState request={{ isDone: true, error: fault, progress: undefined }} what="bytes" />
  );
  return { chunks, error, attempt, signal: controller.signal };
}
