import { parseAst } from 'rolldown/parseAst';

export interface ModuleImport {
  specifier: string;
  /**
   * `load`: part of the module graph, types included. `url`: a file named by
   * `new URL('…', import.meta.url)`, as workers are.
   */
  via: 'load' | 'url';
}

/** A node of the syntax tree, or a list, or a leaf. */
type Syntax = { type?: string; [field: string]: unknown };

/** Returns what a TypeScript file imports, in the order of the text. */
export function moduleImports(source: string): ModuleImport[] {
  const found: ModuleImport[] = [];
  const visit = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return;
    const node = value as Syntax;
    const named = importOf(node);
    if (named !== undefined) found.push(named);
    for (const child of Object.values(node)) visit(child);
  };
  visit(parseAst(source, { lang: 'ts' }));
  return found;
}

function importOf(node: Syntax): ModuleImport | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return literal(node.source, 'load');
    case 'TSExternalModuleReference':
      return literal(node.expression, 'load');
    case 'NewExpression': {
      const [specifier, base] = node.arguments as Syntax[];
      const isUrl = (node.callee as Syntax).name === 'URL' && isImportMeta(base?.object as Syntax);
      return isUrl ? literal(specifier, 'url') : undefined;
    }
    default:
      return undefined;
  }
}

const isImportMeta = (node: Syntax | undefined) => node?.type === 'MetaProperty';

function literal(value: unknown, via: ModuleImport['via']): ModuleImport | undefined {
  const node = value as Syntax | null | undefined;
  if (node?.type === 'Literal') return { specifier: String(node.value), via };
  if (node?.type !== 'TemplateLiteral') return undefined;
  const quasis = node.quasis as { value: { cooked: string } }[];
  return quasis.length === 1 ? { specifier: quasis[0]!.value.cooked, via } : undefined;
}
