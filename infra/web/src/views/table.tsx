import type { JSX } from 'preact'

/** Names and values, as text. */
export function Table({ rows }: { rows: [string, string][] }): JSX.Element {
  return (
    <table>
      <tbody>
        {rows.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td><bdi>{value}</bdi></td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
