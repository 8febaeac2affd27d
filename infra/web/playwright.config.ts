import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { defineConfig } from '@playwright/test'
import { TEST_TIMEOUT } from './tests/support/cloud.ts'

/** The system's own browser: nothing is downloaded. */
function browser(): string {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const candidates = ['chromium', 'google-chrome'].flatMap((name) => folders.map((folder) => join(folder, name)))
  const found = process.env.FILES_CHROMIUM ?? candidates.find((file) => existsSync(file))
  if (found === undefined) throw new Error('There is no Chromium: install it, or name it in FILES_CHROMIUM.')
  return found
}

export default defineConfig({
  testDir: 'tests',
  globalSetup: './tests/setup.ts',
  timeout: 2 * TEST_TIMEOUT,
  expect: { timeout: TEST_TIMEOUT / 2 },
  workers: 2,
  fullyParallel: true,
  forbidOnly: true,
  // On a machine that others use, too, a browser may starve; what needed its second try is reported as flaky.
  retries: process.env.CI === undefined ? 0 : 1,
  reporter: 'list',
  use: {
    // Chromium's sandbox does not work for root.
    launchOptions: { executablePath: browser(), args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] },
    actionTimeout: TEST_TIMEOUT / 2,
    trace: 'off',
  },
})
