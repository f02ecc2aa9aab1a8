-- Requests of `ledger_cost.py`: one record, each time with another number in it, so that no input is like one before.
--   BODY  a file with the JSON, and @@ where the number stands
local before, after, number, own = "", "", 0, 0
local threads = {}

function setup(thread)
  thread:set("own", #threads)
  table.insert(threads, thread)
end

function init()
  local text = io.open(os.getenv("BODY")):read("*a")
  local at = text:find("@@", 1, true)
  before, after = text:sub(1, at - 1), text:sub(at + 2)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
end

function request()
  number = number + 1
  return wrk.format(nil, nil, nil, before .. os.getenv("TURN") .. "-" .. own .. "-" .. number .. after)
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.3f, "p50": %.2f, "p99": %.2f, "errors": %d}\n', summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, e.connect + e.read + e.write + e.status + e.timeout))
end
