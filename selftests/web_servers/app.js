// A server of Node's own http module: node app.js PORT TLS-PORT CERTIFICATE KEY PAGE
const http = require("http"), https = require("https"), zlib = require("zlib"), fs = require("fs");
const [, , port, tlsPort, cert, key, file] = process.argv;
const page = fs.readFileSync(file);

function answer(request, response) {
  const encoded = { "/gzip": zlib.gzipSync, "/deflate": zlib.deflateSync, "/br": zlib.brotliCompressSync };
  const path = request.url;
  if (path in encoded) {
    response.setHeader("Content-Encoding", path.slice(1));
    return response.end(encoded[path](page));
  }
  if (path === "/204") return response.writeHead(204).end();
  if (path === "/304") return response.writeHead(304, { ETag: '"1"' }).end();
  if (path === "/chunked") {
    for (let at = 0; at < page.length; at += 7000) response.write(page.subarray(at, at + 7000));
    return response.end();
  }
  if (path === "/early") {
    return response.writeEarlyHints({ link: "</a.css>; rel=preload" }, () => response.end(page));
  }
  if (path === "/continue") {
    response.writeContinue();
    return response.end(page);
  }
  if (path === "/no-length") {
    response.useChunkedEncodingByDefault = false;
    response.shouldKeepAlive = false;
    response.write(page.subarray(0, 100));
    return response.end(page.subarray(100));
  }
  response.writeHead(200, { "Content-Length": page.length });
  return response.end(page);
}

http.createServer(answer).listen(Number(port), "127.0.0.1");
https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, answer).listen(Number(tlsPort), "127.0.0.1");
