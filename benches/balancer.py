"""What the local cloud's balancer carries: `wrk` asks a trivial application through it, and the same application behind nginx, in
turns; then idle connections and WebSockets are held through a swap.

usage: balancer.py PROGRAM [ROUNDS] [SECONDS]

PROGRAM is cutover, built with `cargo build --release`. `wrk` and `nginx` must be installed. All of it is on loopback.
"""

import io
import json
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
import zipfile

CONNECTIONS = 64
IDLE, WEBSOCKETS = 1000, 100
APPLICATION_PORT, NGINX_PORT = 18081, 18082


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def until(what, ask, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = ask()
        if found:
            return found
        time.sleep(0.2)
    sys.exit(f"waited {seconds} s for {what}")


class Cloud:
    def __init__(self, program, folder):
        self.ports = {name: free_port() for name in ("port", "dns-port", "http-port", "edge-port")}
        flags = [text for name, port in self.ports.items() for text in (f"--{name}", str(port))]
        self.process = subprocess.Popen(
            [program, "cloud", "--pace", "100", "--data", os.path.join(folder, "cloud"), *flags],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.endpoint = f"http://127.0.0.1:{self.ports['port']}"
        until("the cloud", self.is_up)

    def is_up(self):
        try:
            self.call("DescribeApplications")
            return True
        except OSError:
            return False

    def call(self, action, **parameters):
        form = urllib.parse.urlencode({"Action": action, "Version": "2010-12-01", **parameters})
        with urllib.request.urlopen(self.endpoint + "/", form.encode()) as answer:
            return answer.read().decode()

    def put(self, path, body):
        request = urllib.request.Request(self.endpoint + path, body, method="PUT")
        urllib.request.urlopen(request).read()

    def environment(self, program, name):
        """Makes an environment of one instance with the sample application, and returns its address."""
        bundle = io.BytesIO()
        with zipfile.ZipFile(bundle, "w") as archive:
            archive.writestr("app.json", json.dumps({"version": name}))
            archive.writestr("Procfile", 'web: "$CUTOVER_BIN" sample-app\n')
        bucket = re.search("<S3Bucket>(.*?)<", self.call("CreateStorageLocation")).group(1)
        self.put(f"/{bucket}/{name}.zip", bundle.getvalue())
        self.call(
            "CreateApplicationVersion",
            ApplicationName="bench",
            VersionLabel=name,
            AutoCreateApplication="true",
            Process="true",
            **{"SourceBundle.S3Bucket": bucket, "SourceBundle.S3Key": f"{name}.zip"},
        )
        label = {"ApplicationName": "bench", "VersionLabels.member.1": name}
        until("the version", lambda: "<Status>PROCESSED<" in self.call("DescribeApplicationVersions", **label))
        stack = re.search(r"<member>(64bit[^<]*running Go[^<]*)<", self.call("ListAvailableSolutionStacks")).group(1)
        settings = [
            ("aws:autoscaling:asg", "MinSize", "1"),
            ("aws:autoscaling:asg", "MaxSize", "1"),
            ("aws:elasticbeanstalk:environment", "LoadBalancerType", "application"),
            ("aws:elasticbeanstalk:application:environment", "CUTOVER_BIN", program),
        ]
        options = {}
        for at, (namespace, option, value) in enumerate(settings, 1):
            place = f"OptionSettings.member.{at}"
            options |= {f"{place}.Namespace": namespace, f"{place}.OptionName": option, f"{place}.Value": value}
        self.call(
            "CreateEnvironment",
            ApplicationName="bench",
            EnvironmentName=name,
            CNAMEPrefix=name,
            VersionLabel=name,
            SolutionStackName=stack,
            **options,
        )
        ready = lambda: re.search("<Status>Ready<", self.call("DescribeEnvironments", **{"EnvironmentNames.member.1": name}))
        until("the environment", ready)
        cname = re.search("<CNAME>(.*?)<", self.call("DescribeEnvironments", **{"EnvironmentNames.member.1": name}))
        return cname.group(1), self.address(cname.group(1))

    def address(self, name):
        """Asks the cloud's own DNS server for the first A record."""
        question = b"\x12\x34\x01\x00\x00\x01" + bytes(6)
        question += b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0\0\x01\0\x01"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(5)
            asking.sendto(question, ("127.0.0.1", self.ports["dns-port"]))
            answer = asking.recv(1500)
        # An A record is what ends in four bytes of address after a length of four.
        found = re.findall(rb"\x00\x01\x00\x01....\x00\x04(....)", answer, re.DOTALL)
        return socket.inet_ntoa(found[-1])

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1)) / 1024


def connected(address, port, head):
    """A connection over which a request was made, and what came back."""
    one = socket.create_connection((address, port), timeout=60)
    one.sendall(head.encode())
    return one, one.recv(4096)


def held(cloud, old, new, address):
    """Holds connections to an environment while its name goes to another one and it ends. Returns how they ended."""
    port = cloud.ports["http-port"]
    common = f"Host: {old[0]}\r\n"
    key = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    idle = [connected(address, port, f"GET / HTTP/1.1\r\n{common}\r\n") for _ in range(IDLE)]
    live = [connected(address, port, f"GET /live HTTP/1.1\r\n{common}{key}\r\n") for _ in range(WEBSOCKETS)]
    served = sum(b" 200 " in answer for _, answer in idle) + sum(b" 101 " in answer for _, answer in live)
    if served != IDLE + WEBSOCKETS:
        sys.exit(f"only {served} of {IDLE + WEBSOCKETS} connections were served")
    memory = cloud.memory()
    cloud.call("SwapEnvironmentCNAMEs", SourceEnvironmentName=old[1], DestinationEnvironmentName=new[1])
    until("the swap", lambda: cloud.address(old[0]) != address)
    still = sum(ended(one, 0) is None for one, _ in idle + live)
    print(f"{IDLE} idle connections and {WEBSOCKETS} WebSockets: {still} are open after the swap")
    cloud.call("TerminateEnvironment", EnvironmentName=old[1])
    clean = sum(ended(one, 60) == b"" for one, _ in idle)
    # A frame that says goodbye begins with 0x88.
    goodbyes = sum((ended(one, 60) or b"")[:1] == b"\x88" for one, _ in live)
    print(f"as it ends, {clean} idle connections are closed in order, and {goodbyes} WebSockets with a goodbye")
    print(f"with all of them the cloud has used {memory:.0f} MiB at most")


def ended(one, seconds):
    """What came before the end of a connection; `None` if it is open, or was reset."""
    one.settimeout(seconds or 0.001)
    try:
        return one.recv(4096)
    except (TimeoutError, BlockingIOError):
        return None
    except ConnectionError:
        return b"reset"


def wrk(url, seconds, host=None):
    command = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", url]
    if host:
        command += ["-H", f"Host: {host}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", said)
    if bad:
        sys.exit(f"{url}: {bad.group(0)}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1))
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()
    return rate, float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def nginx(folder):
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w") as file:
        file.write(
            f"""worker_processes 2; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  upstream application {{ server 127.0.0.1:{APPLICATION_PORT}; keepalive 64; }}
  server {{ listen 127.0.0.1:{NGINX_PORT}; keepalive_requests 10000000;
    location / {{ proxy_pass http://application; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
}}
"""
        )
    return subprocess.Popen(["nginx", "-c", path, "-p", folder], stderr=subprocess.DEVNULL)


def main():
    program = os.path.abspath(sys.argv[1])
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    with tempfile.TemporaryDirectory() as folder:
        site = os.path.join(folder, "site")
        os.mkdir(site)
        with open(os.path.join(site, "app.json"), "w") as file:
            json.dump({"version": "plain"}, file)
        cloud = Cloud(program, folder)
        processes = [cloud.process]
        try:
            name, address = cloud.environment(program, "bench-a")
            plain = {**os.environ, "PORT": str(APPLICATION_PORT)}
            processes.append(subprocess.Popen([program, "sample-app"], cwd=site, env=plain, stdout=subprocess.DEVNULL))
            processes.append(nginx(folder))
            time.sleep(1)
            ways = {
                "application alone": f"http://127.0.0.1:{APPLICATION_PORT}/",
                "nginx": f"http://127.0.0.1:{NGINX_PORT}/",
                "the balancer": f"http://{address}:{cloud.ports['http-port']}/",
            }
            found = {way: [] for way in ways}
            for _ in range(rounds):
                for way, url in ways.items():
                    found[way].append(wrk(url, seconds))
            for way, measured in found.items():
                rates, lates = zip(*measured)
                print(f"{way:<18} {statistics.median(rates):8.0f} requests/s, p99 {statistics.median(lates):6.2f} ms")
            ratio = statistics.median(
                ours[1] / theirs[1] for ours, theirs in zip(found["the balancer"], found["nginx"])
            )
            cname, _ = cloud.environment(program, "bench-b")
            print(f"p99 of the balancer is {ratio:.2f} times nginx's; the cloud has used {cloud.memory():.0f} MiB at most")
            held(cloud, (name, "bench-a"), (cname, "bench-b"), address)
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()


main()
