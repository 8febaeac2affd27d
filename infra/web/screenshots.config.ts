import base from './playwright.config.ts'

/** Screenshots of the web app's states, into `screenshots/`: for people to look at, not for comparison. */
export default { ...base, testDir: 'tests/screenshots', testMatch: '*.shots.ts', retries: 0 }
