/** Placeholder. */
export function Find() {
  return <p class="note">find</p>;
}
