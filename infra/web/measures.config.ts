import base from './playwright.config.ts'

/** Measures the web app in Chromium: one test at a time, with figures on standard output. */
export default { ...base, testDir: 'tests/measures', testMatch: '*.measure.ts', workers: 1, retries: 0 }
