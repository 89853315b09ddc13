-- Posts each line of a file once over however many connections, and ends wrk when every one is answered.
-- Run with one thread: wrk -t1 -s load.lua URL -- FILE RATE
-- FILE holds a token, a tab and a body per line. RATE is in posts a second, 0 for as fast as answers come.

local ffi = require("ffi")
ffi.cdef [[
typedef struct { long s; long ns; } vw_timespec;
int clock_gettime(int clock, vw_timespec *now);
int getpid(void);
int kill(int pid, int signal);
]]
local CLOCK_MONOTONIC, SIGINT, FOR_EVER_MS = 1, 2, 1000000
local clock = ffi.new("vw_timespec")
local threads = {}

local function now()
   ffi.C.clock_gettime(CLOCK_MONOTONIC, clock)
   return tonumber(clock.s) + tonumber(clock.ns) / 1e9
end

function setup(thread)
   table.insert(threads, thread)
end

function init(args)
   requests, rate, claimed, sent, answered = {}, tonumber(args[2]), 0, 0, 0
   accepted, busy, refused, first_s, last_s = 0, 0, 0, 0, 0
   for line in io.lines(args[1]) do
      local token, body = line:match("^([^\t]*)\t(.*)$")
      local headers = { Authorization = "Bearer " .. token, ["Content-Type"] = "application/json" }
      table.insert(requests, wrk.format("POST", nil, headers, body))
   end
end

-- Asked before each request. A claim holds until `request`, so that no connection sends what another did.
function delay()
   if claimed == #requests then return FOR_EVER_MS end
   claimed = claimed + 1
   if claimed == 1 then first_s = now() end
   if rate == 0 then return 0 end
   return math.max(0, math.ceil((first_s + (claimed - 1) / rate - now()) * 1000))
end

function request()
   if claimed == 0 then return requests[1] end -- wrk looks at one before it begins
   sent = sent + 1
   return requests[sent]
end

function response(status)
   answered = answered + 1
   if status == 202 then accepted = accepted + 1
   elseif status == 503 then busy = busy + 1
   else refused = refused + 1 end
   if answered == #requests then
      last_s = now()
      ffi.C.kill(ffi.C.getpid(), SIGINT)
   end
end

function done(summary, latency)
   local thread, errors = threads[1], summary.errors
   io.write(string.format('RESULT {"posts": %d, "accepted": %d, "busy": %d, "refused": %d, "errors": %d, ',
      thread:get("answered"), thread:get("accepted"), thread:get("busy"), thread:get("refused"),
      errors.connect + errors.read + errors.write + errors.timeout))
   io.write(string.format('"first_s": %.6f, "last_s": %.6f, "p50_ms": %.3f, "p99_ms": %.3f}\n',
      thread:get("first_s"), thread:get("last_s"), latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
