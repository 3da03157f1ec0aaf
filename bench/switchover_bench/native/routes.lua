-- One POST from a file to each of BENCH_ROUTES routes in turn; prints the figures as wrk.lua does.
dofile(os.getenv("BENCH_WRK_LUA"))
local requests, turn = {}, 0
function init()
  for number = 0, tonumber(os.getenv("BENCH_ROUTES")) - 1 do
    requests[number] = wrk.format(nil, "/r-" .. number)
  end
end
function request()
  turn = (turn + 1) % (#requests + 1)
  return requests[turn]
end
