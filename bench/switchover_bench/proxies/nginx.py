"""nginx with one worker: the second target is the backup of the first, asked at a 429."""

import subprocess
from pathlib import Path

from switchover_bench import cache
from switchover_bench.proxies.proxy import MODEL_PATH, ROUTE_PATH, Launch, Proxy
from switchover_bench.scenarios import Ports, Scenario


def _program() -> str:
    return cache.program("nginx", "nginx-light")


def launch(scenario: Scenario, ports: Ports, folder: Path) -> Launch:
    """nginx with one worker: the second target is the backup of the first, asked at a 429."""
    settings = folder / "nginx.conf"
    settings.write_text(settings_of(scenario, ports, folder))
    command = [_program(), "-p", str(folder), "-e", "stderr", "-c", str(settings)]
    return Launch(command, f"http://127.0.0.1:{ports.proxy}/ready")


def settings_of(scenario: Scenario, ports: Ports, folder: Path) -> str:
    """nginx's configuration; where it is tuned, a target that fails is not left out (max_fails=0)."""
    first, second = scenario.targets(ports)
    fails = " max_fails=0" if scenario.tuned else ""
    return f"""
daemon off; worker_processes 1; pid {folder}/nginx.pid;
events {{ worker_connections 16384; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  upstream bench {{
    server 127.0.0.1:{first}{fails}; server 127.0.0.1:{second} backup;
    keepalive 512; keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{ports.proxy} backlog=16384;
    location /ready {{ return 204; }}
    location {ROUTE_PATH} {{
      proxy_pass http://bench{MODEL_PATH}; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_next_upstream error timeout http_429 non_idempotent; proxy_buffering {"off" if scenario.stream else "on"};
    }}
  }}
}}
"""


def version() -> str:
    """What `nginx -v` prints after its name."""
    printed = subprocess.run([_program(), "-v"], capture_output=True, text=True, check=True).stderr
    return printed.strip().rpartition("/")[2]


NGINX = Proxy("nginx", "nginx", launch, version)
