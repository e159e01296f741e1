-- What wrk sends: one SOAP POST on connections that it keeps, each with a fresh correlation id in its head as Dynamics
-- sends it, so that no front can live off a head that it has seen. Tells what came of it as one line of JSON.
local body = io.open(os.getenv("BENCH_BODY"), "rb"):read("*a")
local before, after
local number = 0

function init()
  before = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port ..
    "\r\nContent-Type: text/xml; charset=utf-8\r\nSOAPAction: \"urn:bench\"\r\n" .. os.getenv("BENCH_PROOF") ..
    "\r\nx-ms-correlation-request-id: "
  after = "\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

function request()
  number = number + 1
  return before .. string.format("%08x-77d1-4c6a-9e0b-%012d", number * 40503 % 4294967296, number) .. after
end

function done(summary)
  local e = summary.errors
  io.write(string.format('{"calls": %d, "bytes": %d, "connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}\n',
    summary.requests, summary.bytes, e.connect, e.read, e.write, e.status, e.timeout))
end
