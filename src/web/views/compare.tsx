/** Placeholder. */
export function Compare() {
  return <p class="note">compare</p>;
}
