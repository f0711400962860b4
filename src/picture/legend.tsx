/** What the shapes and lines of the picture mean. */
export function Legend() {
  return (
    <ul class="legend" aria-label="Legend">
      <Entry name="tab">
        <circle cx="9" cy="9" r="6" class="fill" />
      </Entry>
      <Entry name="edge worker">
        <rect x="3" y="3" width="12" height="12" rx="3" class="fill" />
      </Entry>
      <Entry name="parked">
        <circle cx="9" cy="9" r="6" class="outline" />
        <path d="M7 6.5V11.5M11 6.5V11.5" class="outline" />
      </Entry>
      <Entry name="suspect">
        <circle cx="9" cy="9" r="6" class="outline doubt" />
      </Entry>
      <Entry name="dead">
        <path d="M5 5L13 13M13 5L5 13" class="outline" />
      </Entry>
      <Entry name="direct link">
        <path d="M1 9H17" class="outline" />
      </Entry>
      <Entry name="relayed link">
        <path d="M1 9H17" class="outline relay" />
      </Entry>
    </ul>
  )
}

function Entry({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <li>
      <svg viewBox="0 0 18 18" width="18" height="18" aria-hidden="true">
        {children}
      </svg>
      {name}
    </li>
  )
}
