// Usage: node call.js HOST METHOD PARAMS...: send each JSON object of parameters with Tencent's SDK, print each answer on a line.
const Capi = require("qcloudapi-sdk");
const [host, method, signatureMethod, ...calls] = process.argv.slice(2);

const capi = new Capi({
  SecretId: process.env.SECRET_ID,
  SecretKey: process.env.SECRET_KEY,
  protocol: "http",
  method,
  signatureMethod,
});

for (const params of calls) {
  capi.request(JSON.parse(params), { host, method, signatureMethod }, (error, answer) => {
    if (error) throw error;
    console.log(JSON.stringify(answer));
  });
}
