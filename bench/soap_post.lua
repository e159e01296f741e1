-- What wrk sends: one SOAP POST, over and over, on connections that it keeps. Tells what came of it as one line of JSON.
wrk.method = "POST"
wrk.headers["Content-Type"] = "text/xml; charset=utf-8"
wrk.headers["SOAPAction"] = '"urn:bench"'
wrk.headers["X-Api-Key"] = os.getenv("BENCH_KEY")
wrk.body = io.open(os.getenv("BENCH_BODY"), "rb"):read("*a")

function done(summary)
  local e = summary.errors
  io.write(string.format('{"calls": %d, "bytes": %d, "connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}\n',
    summary.requests, summary.bytes, e.connect, e.read, e.write, e.status, e.timeout))
end
