import { expect, test } from '@playwright/test'
import type { SignedPart } from '../src/api/types.ts'
import { Signatures } from '../src/uploads/signatures.ts'

const HOUR = 3_600_000

/** A server that signs, and remembers what it was asked for. */
function server(lifetime = HOUR): { asked: number[][]; sign: (numbers: number[]) => Promise<SignedPart[]> } {
  const asked: number[][] = []
  const sign = (numbers: number[]): Promise<SignedPart[]> => {
    asked.push(numbers)
    const expires_at = new Date(Date.now() + lifetime).toISOString()
    return Promise.resolve(numbers.map((part_number) => ({ part_number, url: `url ${asked.length.toString()}.${part_number.toString()}`, expires_at })))
  }
  return { asked, sign }
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index)

test('parts are signed a dozen at a time, as they are needed', async () => {
  const { asked, sign } = server()
  const signatures = new Signatures(30, sign)
  await Promise.all(range(1, 6).map((part) => signatures.take(part)))
  expect(asked).toEqual([range(1, 12)])
  for (const part of range(7, 30)) await signatures.take(part)
  expect(asked).toEqual([range(1, 12), range(13, 24), range(25, 30)])
})

test('who asks again gets a fresh URL, and stored parts are not signed', async () => {
  const { asked, sign } = server()
  const signatures = new Signatures(4, sign)
  signatures.skip([2, 3])
  expect((await signatures.take(1)).url).toBe('url 1.1')
  expect((await signatures.take(1)).url).toBe('url 2.1')
  expect(asked).toEqual([[1, 4], [1]])
})

test('a URL that waited too long is not used; a wrong clock does not ask for ever', async () => {
  const { asked, sign } = server(1_000)
  const signatures = new Signatures(2, sign)
  expect((await signatures.take(1)).url).toBe('url 1.1')
  expect((await signatures.take(2)).url).toBe('url 2.2')
  expect(asked).toEqual([[1, 2], [2]])
})

test('a signing that fails is not remembered, and one that leaves a part out is an error', async () => {
  const { sign } = server()
  let down = true
  const signatures = new Signatures(2, (numbers) => {
    if (!down) return sign(numbers.filter((part) => part !== 2))
    down = false
    return Promise.reject(new Error('down'))
  })
  await expect(signatures.take(1)).rejects.toThrow('down')
  expect((await signatures.take(1)).part_number).toBe(1)
  await expect(signatures.take(2)).rejects.toThrow('did not sign part 2')
})
