import { expect, test } from '@playwright/test'
import { remaining } from '../src/format.ts'
import { Rate } from '../src/uploads/rate.ts'
import { type UploadRow, totalsOf } from '../src/uploads/rows.ts'

function clocked(): { rate: Rate; wait: (milliseconds: number) => void } {
  let now = 0
  return { rate: new Rate(() => now), wait: (milliseconds) => { now += milliseconds; } }
}

test('the rate is that of the last seconds, without what an earlier attempt sent', () => {
  const { rate, wait } = clocked()
  rate.note(50_000_000) // resumed
  expect(rate.perSecond()).toBeNull()
  for (let second = 1; second <= 30; second += 1) {
    wait(1_000)
    rate.note(50_000_000 + second * (second <= 15 ? 1_000 : 2_000) + (second <= 15 ? 0 : -15_000))
  }
  expect(rate.perSecond()).toBeCloseTo(2_000, 0)
  expect(rate.secondsFor(10_000)).toBeCloseTo(5, 1)
})

test('there is no rate at first, while nothing moves, after a lost part and after a pause', () => {
  const { rate, wait } = clocked()
  const steps = (from: number): void => {
    for (let step = 0; step <= 4; step += 1) {
      rate.note(from + step * 100)
      wait(1_000)
    }
  }
  rate.note(0)
  wait(1_000)
  rate.note(100)
  expect(rate.perSecond()).toBeNull()
  steps(200)
  expect(rate.perSecond()).not.toBeNull()
  wait(5_000)
  expect(rate.perSecond()).toBeNull()
  steps(700)
  expect(rate.perSecond()).not.toBeNull()
  rate.note(300)
  expect(rate.perSecond()).toBeNull()
  steps(400)
  rate.reset()
  expect(rate.perSecond()).toBeNull()
})

test('the remaining time is as coarse as the estimate', () => {
  expect([3, 42, 100, 3_000, 9_000, 400_000].map(remaining)).toEqual([
    'a few seconds left', 'about 40 s left', 'about 2 min left', 'about 50 min left', 'about 3 h left', 'about 5 days left',
  ])
})

test('totals hold for empty, failed and paused uploads', () => {
  const row = (state: UploadRow['state'], size: number, sent: number): UploadRow => ({ id: `${state}${size.toString()}`, name: 'a', size, state, sent, parts: [], error: null })
  expect(totalsOf([row('done', 0, 0)])).toMatchObject({ count: 1, done: 1, share: 1, left: 0 })
  expect(totalsOf([row('sending', 0, 0), row('done', 0, 0)])).toMatchObject({ share: 0.5, active: 1 })
  expect(totalsOf([row('failed', 100, 70), row('paused', 100, 50), row('done', 100, 100)])).toMatchObject({ share: 0.75, failed: 1, paused: 1, left: 50, active: 0 })
  expect(totalsOf([])).toMatchObject({ count: 0, share: 0 })
})
