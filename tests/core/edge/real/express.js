// Reads cases as JSON from stdin and asks Express' own request for base URL and client address.
const express = require('express');
const http = require('http');
const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const answers = cases.map((item) => {
  const app = express();
  try {
    app.set('trust proxy', item.trust.length ? item.trust : false);
  } catch (error) {
    return { url: '', client: '', refused: true };
  }
  const request = Object.create(app.request);
  request.app = app;
  request.headers = item.headers;
  request.connection = request.socket = { remoteAddress: item.peer, encrypted: item.scheme === 'https' };
  return { url: request.protocol + '://' + request.get('host') + '/', client: request.ip, refused: false };
});
process.stdout.write(JSON.stringify(answers));
