/**
 * Copies a text, or one that is still on its way: browsers allow copying only shortly after a click, and count a promise that
 * was given to them in time. Without the asynchronous clipboard (pages without TLS) it selects and copies as of old.
 */
export async function copyText(text: string | Promise<string>, near: Element): Promise<void> {
  const clipboard = navigator.clipboard as Clipboard | undefined
  if (clipboard === undefined) {
    copySelected(await text, near)
  } else if (typeof text === 'string') {
    await clipboard.writeText(text)
  } else {
    const blob = text.then((found) => new Blob([found], { type: 'text/plain' }))
    await clipboard.write([new ClipboardItem({ 'text/plain': blob })])
  }
}

function copySelected(text: string, near: Element): void {
  const field = document.createElement('textarea')
  field.value = text
  field.className = 'unseen'
  const place = near.closest('dialog') ?? document.body // what is outside a modal dialog cannot be selected
  place.append(field)
  field.select()
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- there is nothing else without TLS
  const copied = document.execCommand('copy')
  field.remove()
  if (!copied) throw new Error('The browser does not allow to copy here.')
}
