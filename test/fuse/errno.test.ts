import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { ERROR_CODES, type ErrorCode } from '#src/base/errors.js';
import { errnoOf } from '#src/fuse/errno.js';

const { EINTR, EINVAL, EIO, EOPNOTSUPP } = constants.errno;

const NOT_EIO: Partial<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: EINVAL,
  INVALID_REFERENCE: EINVAL,
  UNSUPPORTED: EOPNOTSUPP,
  ABORTED: EINTR,
};

test.each(ERROR_CODES)('%s', (code) => {
  expect(errnoOf(code)).toBe(NOT_EIO[code] ?? EIO);
});
