"""The proxies that are compared, one file each."""

from switchover_bench.proxies.envoy import ENVOY
from switchover_bench.proxies.litellm import LITELLM
from switchover_bench.proxies.nginx import NGINX
from switchover_bench.proxies.proxy import MODEL_PATH, Proxy
from switchover_bench.proxies.switchover import PLAIN, SWITCHOVER

DIRECT = Proxy("direct", "direct to the target", None, lambda: "", MODEL_PATH)

ALWAYS = (DIRECT, NGINX, ENVOY, SWITCHOVER, PLAIN)
ON_REQUEST = (LITELLM,)
