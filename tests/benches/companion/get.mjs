// Imports a URL with the Companion at a port, as Uppy does: a POST, then its WebSocket. Prints the seconds.
import WebSocket from 'ws';

const [port, url, size] = process.argv.slice(2);
const started = performance.now();
const answer = await fetch(`http://127.0.0.1:${port}/url/get`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({
    url,
    protocol: 's3-multipart',
    size: Number(size),
    fieldname: 'file',
    fileId: 'benchmark',
    metadata: { name: 'source.bin', type: 'video/mp4' },
  }),
});
if (!answer.ok) throw new Error(`Companion answered ${answer.status}: ${await answer.text()}`);
const { token } = await answer.json();

const socket = new WebSocket(`ws://127.0.0.1:${port}/api/${token}`);
const end = await new Promise((resolve, reject) => {
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('Companion hung up')));
  socket.on('message', (text) => {
    const { action, payload } = JSON.parse(text);
    if (action === 'success') resolve(payload);
    if (action === 'error') reject(new Error(JSON.stringify(payload)));
  });
});
socket.removeAllListeners('close');
socket.close();
process.stdout.write(JSON.stringify({ seconds: (performance.now() - started) / 1000, url: end.url }) + '\n');
