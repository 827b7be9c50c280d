import { useEffect } from 'preact/hooks';
import { loadLocalImages, localImages } from '../model/local-images.js';
import { shownPath } from '../model/raw-path.js';
import { ImageField, placeOfImage } from './image-field.js';
import { PlaceLink } from './parts/place-link.js';

const EXAMPLES = ['nginx:alpine', 'python:3.13-slim', 'registry.k8s.io/pause:3.10', 'quay.io/podman/stable'];

/** The page without an image. */
export function Start() {
  useEffect(() => void loadLocalImages(), []);
  const images = localImages.value ?? [];
  return (
    <main class="alone start">
      <h2>Look into a container image, without pulling it</h2>
      <p class="lead">
        Files of all layers merged or layer by layer, where the bytes are, and what was deleted but is still
        carried. Only what is needed is fetched from the registry.
      </p>
      <ImageField id="start-image" autofocus />
      <p class="examples">
        <span>for example</span>
        {EXAMPLES.map((name) => (
          <PlaceLink key={name} to={placeOfImage(name)}>
            {name}
          </PlaceLink>
        ))}
      </p>
      {images.length > 0 && (
        <section aria-labelledby="cached-title">
          <h3 id="cached-title">In the cache</h3>
          <ul class="cached">
            {images.map(({ reference, digest, platform, layers, indexedLayers }) => (
              <li key={`${reference} ${digest} ${platform}`}>
                <PlaceLink to={placeOfImage(reference, platform)}>{shownPath(reference)}</PlaceLink>
                <span class="faint">
                  {shownPath(platform)} · {readiness(layers, indexedLayers)}
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </main>
  );
}

function readiness(layers: number, indexedLayers: number): string {
  const all = layers === 1 ? '1 layer' : `${layers} layers`;
  return indexedLayers === layers ? `ready, ${all}` : `${indexedLayers} of ${all} indexed`;
}
