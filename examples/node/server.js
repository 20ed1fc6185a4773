// A small web application that can be replaced while it serves, with Node's own modules only.
// What makes that possible is in three places, each marked with "Release:".

"use strict";

const http = require("node:http");

const version = process.env.APP_VERSION ?? "1";
const port = Number(process.env.PORT ?? 8000);
let stopping = false;

const server = http.createServer((request, response) => {
  const path = request.url.split("?", 1)[0];
  if (path === "/") {
    answer(response, 200, "text/plain; charset=utf-8", `Hello from version ${version}\n`);
  } else if (path === "/health") {
    answer(response, 200, "application/json", JSON.stringify({ status: "ok", version }));
  } else {
    answer(response, 404, "text/plain; charset=utf-8", "There is nothing here.\n");
  }
});

function answer(response, status, type, text) {
  const headers = {
    "Content-Type": type,
    "Content-Length": Buffer.byteLength(text),
    "X-App-Version": version,
  };
  if (stopping) {
    // Release: whoever still has a connection is told to take another one next time.
    headers.Connection = "close";
  }
  response.writeHead(status, headers);
  response.end(text);
}

// Release: keep-alive for longer than the balancer's idle timeout of 60 seconds (Node's default is 5). The balancer must be
// the one that closes idle connections, or it sends a request into one that is just being closed.
server.keepAliveTimeout = 75_000;
server.headersTimeout = 80_000;

// Release: SIGTERM says that traffic goes elsewhere; what is in flight is still answered.
function stop() {
  if (stopping) return;
  stopping = true;
  server.close(() => {
    console.log("stopped after the last answer");
    process.exit(0);
  });
  server.closeIdleConnections();
}
process.on("SIGTERM", stop);
process.on("SIGINT", stop);

server.listen(port, "127.0.0.1", 512, () => {
  console.log(`version ${version} listens on port ${port}`);
});
