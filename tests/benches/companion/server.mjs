// Runs Companion as its documentation describes, with the S3 that the environment names. Prints its port.
import { createServer } from 'node:http';
import * as companion from '@uppy/companion';
import express from 'express';
import session from 'express-session';

const { S3_ENDPOINT, S3_BUCKET, S3_REGION, S3_KEY, S3_SECRET, FOLDER } = process.env;
const app = express();
app.use(express.json());
app.use(session({ secret: 'of a benchmark', resave: true, saveUninitialized: true }));

const server = createServer(app);
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const { port } = server.address();

const { app: companionApp } = companion.app({
  server: { host: `127.0.0.1:${port}`, protocol: 'http' },
  secret: 'of a benchmark',
  filePath: FOLDER,
  corsOrigins: true,
  providerOptions: {},
  enableUrlEndpoint: true,
  allowLocalUrls: true,
  uploadUrls: [S3_ENDPOINT],
  s3: { endpoint: S3_ENDPOINT, bucket: S3_BUCKET, region: S3_REGION, key: S3_KEY, secret: S3_SECRET, forcePathStyle: true },
});
app.use(companionApp);
companion.socket(server);
process.stdout.write(`port ${port}\n`);
