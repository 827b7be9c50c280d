import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { textOfBytes } from '#src/base/text/raw-text.js';
import { hexRow, parseOffset } from '#src/web/views/content/hex-row.js';
import { decodeBytes, isBinary, visibleParts } from '#src/web/views/content/visible-text.js';
import { contentQuery, modeLetters } from '#src/web/views/entry/shown-entry.js';
import { coloredParts } from '#src/web/views/highlight/colored-parts.js';
import { languageOf } from '#src/web/views/highlight/languages.js';
import { SpanEmitter } from '#src/web/views/highlight/span-emitter.js';

describe('a row of a hex view', () => {
  it('has offset, bytes and ASCII', () => {
    const bytes = Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 3, 0x20, 0x7e]);
    expect(hexRow(bytes, 0x1_0000_0000)).toEqual({
      offset: '100000000',
      bytes: '7f 45 4c 46 00 01 02 03  20 7e',
      ascii: '.ELF.... ~',
    });
  });

  it.each([
    ['4096', 4096],
    ['0x1000', 4096],
    ['1000h', 4096],
    [' -16 ', 9_984],
    ['-0x10', 9_984],
    ['10000', undefined],
    ['-10001', undefined],
    ['', undefined],
    ['12g', undefined],
  ])('goes to %j', (text, offset) => {
    expect(parseOffset(text, 10_000)).toBe(offset);
  });
});

describe('the text of a file', () => {
  const shown = (text: string) =>
    visibleParts(text)
      .map((part) => (part.escape ? `[${part.text}]` : part.text))
      .join('');

  it('shows controls, marks of direction and other bytes as escapes', () => {
    expect(shown('tab\tstays \x1b[31m')).toBe('tab\tstays [\\x1B][31m');
    expect(shown('\u202egnp.exe')).toBe('[\\xE2\\x80\\xAE]gnp.exe');
    expect(shown(decodeBytes(Uint8Array.from([0x61, 0xff, 0xfe, 0x62])))).toBe('a[\\xFF\\xFE]b');
    expect(shown('𝒳 né')).toBe('𝒳 né');
  });

  it('decodes bytes as the program does', () => {
    const samples = [
      [0x61],
      [0xc3, 0xa9],
      [0xc3],
      [0xc0, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf0, 0x9f, 0x98, 0x80, 0xff],
      [0xf4, 0x90, 0x80, 0x80],
      [0xe0, 0x80, 0xaf],
      [0xef, 0xbb, 0xbf, 0x61],
    ];
    for (const bytes of samples)
      expect(decodeBytes(Uint8Array.from(bytes))).toBe(textOfBytes(Uint8Array.from(bytes)));
  });

  it('is told from bytes', () => {
    expect(isBinary(new TextEncoder().encode('plain\ttext\r\n'))).toBe(false);
    expect(isBinary(Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]))).toBe(true);
    expect(isBinary(new Uint8Array(0))).toBe(false);
  });
});

describe('the language of a file', () => {
  it.each([
    ['/etc/nginx/nginx.conf', '', 'nginx'],
    ['/etc/nginx/conf.d/default.conf', '', 'nginx'],
    ['/app/Dockerfile', '', 'dockerfile'],
    ['/etc/os-release', '', 'ini'],
    ['/usr/bin/run', '#!/bin/sh', 'bash'],
    ['/usr/bin/run', '#!/usr/bin/env python3.12', 'python'],
    ['/usr/bin/run', '#! /usr/bin/perl -w', 'perl'],
    ['/app/main.TS', '', 'typescript'],
    ['/etc/passwd', 'root:x:0:0', undefined],
    ['/x.constructor', '', undefined],
    ['/constructor', '#!constructor', undefined],
  ])('%s %s is %s', (path, firstLine, language) => {
    expect(languageOf(path, firstLine)).toBe(language);
  });

  it('is a name of a grammar that is loaded on demand', () => {
    const [names, modules] = ['languages', 'language-modules'].map((name) =>
      readFileSync(new URL(`../../src/web/views/highlight/${name}.ts`, import.meta.url), 'utf8'),
    );
    const known = new Set(Array.from(modules!.matchAll(/languages\/(\w+)'/g), ([, name]) => name));
    const wanted = Array.from(names!.matchAll(/: '(\w+)',$/gm), ([, name]) => name);
    expect(wanted.length).toBeGreaterThan(50);
    expect(wanted.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('the colours of a text', () => {
  it('are parts of it with a scope, also those of another language inside', () => {
    const inner = new SpanEmitter();
    inner.addText('a ');
    inner.startScope('title.function');
    inner.addText('b');
    inner.endScope();
    const outer = new SpanEmitter();
    outer.addText('<x>');
    outer.openNode('tag');
    outer.addText('y');
    outer.closeNode();
    outer.__addSublanguage(inner);
    outer.addText('!');
    expect(coloredParts('<x>ya b!', 0, outer.spans)).toEqual([
      { text: '<x>', scope: undefined },
      { text: 'y', scope: 'tag' },
      { text: 'a ', scope: undefined },
      { text: 'b', scope: 'title' },
      { text: '!', scope: undefined },
    ]);
    expect(coloredParts('b!', 6, outer.spans)).toEqual([
      { text: 'b', scope: 'title' },
      { text: '!', scope: undefined },
    ]);
  });

  it('may end in another row than they begin', () => {
    const spans = { parts: [2, 8, 0], scopes: ['string'] };
    expect(coloredParts('abcd', 0, spans)).toEqual([
      { text: 'ab', scope: undefined },
      { text: 'cd', scope: 'string' },
    ]);
    expect(coloredParts('efghij', 4, spans)).toEqual([
      { text: 'efgh', scope: 'string' },
      { text: 'ij', scope: undefined },
    ]);
  });
});

describe('an entry', () => {
  it('has the mode in letters', () => {
    expect(['0644', '4755', '2640', '1777', '0000'].map(modeLetters)).toEqual([
      'rw-r--r--',
      'rwsr-xr-x',
      'rw-r-S---',
      'rwxrwxrwt',
      '---------',
    ]);
  });

  it('that is hidden is read from its layer', () => {
    const entry = {
      layer: 2,
      path: '/a',
      kind: 'file',
      mode: '0644',
      uid: 0,
      gid: 0,
      size: 1,
      mtime: 0,
    } as const;
    expect(contentQuery({ ...entry, state: 'deleted' }, { image: 'i' }, undefined)).toMatchObject({
      layer: 2,
    });
    expect(contentQuery({ ...entry, state: 'live' }, { image: 'i' }, undefined).layer).toBeUndefined();
    expect(contentQuery({ ...entry, state: 'live' }, { image: 'i' }, 2).layer).toBe(2);
  });
});
