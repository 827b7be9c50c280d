import { render } from 'preact';
import { adoptToken } from './model/api.js';
import { followPlace } from './model/image.js';
import { followHistory } from './model/place.js';
import { followTree } from './model/shown-tree.js';
import { followTheme } from './model/theme.js';
import { App } from './views/app.js';

/** The explorer: one page for all images. */
followTheme();
adoptToken();
followHistory();
followPlace();
followTree();
render(<App />, document.getElementById('app')!);
