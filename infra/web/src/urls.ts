/** The http(s) URLs in a text, one per line or divided by spaces; lines that begin with `#` are comments (RFC 2483). */
export function urlsIn(text: string): string[] {
  const words = text.split(/[\r\n]+/).filter((line) => !line.startsWith('#')).flatMap((line) => line.trim().split(/\s+/))
  return words.filter((word) => /^https?:\/\/./i.test(word))
}

/** The entries of a text, one per line or divided by spaces; what is no URL is kept, for the server to explain. */
export function entriesIn(text: string): string[] {
  const words = text.split(/\s+/).filter((word) => word !== '')
  return words.length > 0 && words.every((word) => /^[a-z][a-z0-9+.-]*:/i.test(word)) ? words : lines(text)
}

function lines(text: string): string[] {
  return text.split(/[\r\n]+/).map((line) => line.trim()).filter((line) => line !== '')
}
