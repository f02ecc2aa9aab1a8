-- Requests of a load test, each with the body of another patient; read by serving.sh.
--   BODIES  a file, one JSON body a line
--   KEY     the key to show, if any
--   PACE    milliseconds between an answer and the connection's next request, on average; none without it
--   COUNT   also count answers by status, and look at Retry-After
local bodies, place, pace, count = {}, 0, tonumber(os.getenv("PACE") or 0), os.getenv("COUNT")
local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init()
  for line in io.lines(os.getenv("BODIES")) do table.insert(bodies, line) end
  math.randomseed(number + 1)
  place = math.random(#bodies)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  if os.getenv("KEY") then wrk.headers["Authorization"] = "Bearer " .. os.getenv("KEY") end
  answered, refused, unnamed, other = 0, 0, 0, 0
end

function request()
  place = place % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[place])
end

if pace > 0 then
  function delay() return math.random(0, 2 * pace) end
end

if count then
  function response(status, headers)
    if status == 200 then answered = answered + 1
    elseif status == 429 then
      refused = refused + 1
      if not headers["retry-after"] then unnamed = unnamed + 1 end
    else other = other + 1 end
  end
end

function done(summary, latency)
  local errors = summary.errors
  local sums = { answered = 0, refused = 0, unnamed = 0, other = 0 }
  if count then
    for _, thread in ipairs(threads) do
      for name in pairs(sums) do sums[name] = sums[name] + thread:get(name) end
    end
  end
  io.write(string.format(
    '{"requests": %d, "seconds": %.3f, "p50_ms": %.3f, "p95_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f, '
      .. '"not_2xx": %d, "broken": %d, "timeouts": %d, "answered": %d, "refused": %d, '
      .. '"refused_without_retry_after": %d, "other": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(95) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3, errors.status, errors.connect + errors.read + errors.write,
    errors.timeout, sums.answered, sums.refused, sums.unnamed, sums.other))
end
