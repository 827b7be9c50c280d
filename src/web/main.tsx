import { render } from 'preact';

/** The explorer: one page for all images. */
function App() {
  return <h1>layerslayer</h1>;
}

render(<App />, document.getElementById('app')!);
