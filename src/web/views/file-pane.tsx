/** Placeholder. */
export function FilePane() {
  return <p class="note">file</p>;
}
