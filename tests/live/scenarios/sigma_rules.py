# SPDX-License-Identifier: Apache-2.0
"""Sigma's own rules, unchanged, on the acts that they describe, in a harmless form.

A program that would change the host, or that Debian does not have, is a copy of `true` under its
name: these rules go by the end of Image and by the command line. What shells are given is a no-op
(`true`) with the suspicious words as its arguments.
"""
import os
import shutil
import subprocess
import sys

from framework.assay import Assay, Findings
from framework.harness import Skipped, test
from framework.places import HOST, missing_program
from framework.servers import Server
from framework.wait import wait_for

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(HERE))
SIGMA = os.path.normpath(os.path.join(ROOT, "..", "shared", "data", "sigma"))
LEAST = 25  # rules of process_creation that must fire


class Act:
    """A command line, as real programs (found in PATH) or as a copy of `true` or of `sh`."""

    def __init__(self, *words, fake=False, shell_named=None, private_tmp=False):
        self.words = words
        self.fake = fake                # a copy of true under the name words[0]
        self.shell_named = shell_named  # its parent is a copy of sh with this name
        self.private_tmp = private_tmp  # with a /tmp of its own


def fake(*words, **more):
    return Act(*words, fake=True, **more)


TMP = "{folder}/tmp"  # a folder of ours whose name ends in /tmp
CLEAR = "{folder}/var/log"

# rule: (an act that it describes, a near miss: an act that it must let pass)
ACTS = {
    "apt_shell_execution": (
        fake("apt", "update", "-o", "APT::Update::Pre-Invoke::=/bin/sh"),
        fake("apt", "update", "-o", "APT::Update::Post-Invoke::=/bin/sh")),
    "at_command": (fake("at", "now"), fake("cat-at", "now")),
    "av_kaspersky_av_disabled": (fake("systemctl", "stop", "kesl"),
                                 fake("systemctl", "restart", "kesl")),
    "base64_decode": (Act("base64", "-d"), Act("base64", "--wrap=0")),
    "base64_execution": (Act("sh", "-c", "true echo dHJ1ZQ== '|' base64 --help '| sh '"),
                         Act("sh", "-c", "true echo dHJ1ZQ== '|' base64 --help '| cat '")),
    "bash_interactive_shell": (Act("bash", "--norc", "--noprofile", "-i", "-c", "true"),
                               Act("bash", "--norc", "--noprofile", "-c", "true")),
    "bpf_kprob_tracing_enabled": (
        Act("true", "echo 1 > /sys/kernel/debug/tracing/events/kprobes/myprobe/enable"),
        Act("true", "echo 0 > /sys/kernel/debug/tracing/events/kprobes/myprobe/enable")),
    "bpftrace_unsafe_option_usage": (fake("bpftrace", "--unsafe"), fake("bpftrace", "--safe")),
    "cap_setgid": (fake("setcap", "cap_setgid=ep", "file"), fake("setcap", "cap_chown=ep", "file")),
    "capa_discovery": (Act("getcap", "-r", "{folder}/empty"), Act("getcap", "{folder}/empty")),
    "capsh_shell_invocation": (Act("capsh", "--"), Act("capsh", "--print")),
    "chattr_immutable_removal": (Act("chattr", "-i", "{folder}/file"),
                                 fake("chattr", "+i", "{folder}/file")),
    "chmod_targeting_sensitive_directories": (Act("chmod", "600", TMP + "/file"),
                                              fake("chmod", "600", "/srv/file")),
    "clear_logs": (Act("rm", "-f", CLEAR + "/old"), Act("rm", "-f", "{folder}/var/lib/old")),
    "clear_syslog": (Act("rm", "-f", CLEAR + "/syslog"), Act("ls", CLEAR + "/syslog")),
    "clipboard_collection": (fake("xclip", "-sel", "clip", "-o"), fake("xclip", "-sel", "clip")),
    "crontab_enumeration": (fake("crontab", "-l"), fake("crontab", "-e")),
    "crypto_mining": (Act("true", "stratum+tcp://pool.test"), Act("true", "stratum://pool.test")),
    "curl_usage": (Act("curl", "--version"), fake("curlew", "--version")),
    "curl_wget_exec_tmp": (Act("sh", "-c", "true /usr/bin/curl --output /tmp/none"),
                           Act("sh", "-c", "true /usr/bin/curl --output /srv/none")),
    "env_shell_invocation": (Act("env", "/bin/sh", "-c", "true"), Act("env", "true")),
    "esxcli_network_discovery": (fake("esxcli", "network", "ip", "list"),
                                 fake("esxcli", "network", "ip", "set")),
    "esxcli_user_account_creation": (fake("esxcli", "system", "account", "add", "new"),
                                     fake("esxcli", "system", "account", "remove", "new")),
    "esxcli_vm_kill": (fake("esxcli", "vm", "process", "kill"),
                       fake("esxcli", "vm", "process", "wait")),
    "esxcli_vsan_discovery": (fake("esxcli", "vsan", "debug", "list"),
                              fake("esxcli", "vsan", "debug", "set")),
    "file_and_directory_discovery": (Act("find", "{folder}/empty", "-maxdepth", "0"),
                                     Act("ls", "{folder}/empty")),
    "file_deletion": (Act("rm", "-f", "{folder}/not-there"), Act("rmdir", "{folder}/not-there")),
    "gcc_shell_execution": (fake("gcc", "-wrapper", "/bin/sh,-s", "."),
                            fake("gcc", "-wrapper", "gdb,--args", ".")),
    "groupdel": (fake("groupdel", "nobody-has-it"), fake("groupmod", "nobody-has-it")),
    "local_account": (Act("id", "--real"), Act("tail", "-n", "1", "{folder}/file")),
    "local_groups": (Act("groups", "root"), Act("head", "-n", "1", "{folder}/file")),
    "malware_gobrat_grep_payload_discovery": (Act("grep", "-c", "zone.arm", "/dev/null"),
                                              Act("grep", "-c", "zone.leg", "/dev/null")),
    "mkfifo_named_pipe_creation_susp_location": (
        Act("mkfifo", "/tmp/assay-live-pipe", private_tmp=True), fake("mkfifo", "/srv/pipe")),
    "nice_shell_execution": (Act("nice", "/bin/sh"), Act("nice", "true")),
    "nohup_susp_execution": (Act("nohup", "true", "/tmp/"), Act("nohup", "true", "/srv/")),
    "php_reverse_shell": (fake("php8", "-r", "fsockopen('::1'); exec('sh');"),
                          fake("php8", "-r", "fopen('::1'); exec('sh');")),
    "python_base64_encoded_execution": (
        Act("python3", "-c", "import base64; base64.b64decode('')"),
        Act("python3", "-c", "import base64; base64.b64encode(b'')")),
    "python_pty_spawn": (Act("python3", "-c", "import pty; pty.spawn"),
                         Act("python3", "-c", "import pty; pty.fork")),
    "python_shell_os_system": (Act("python3", "-c", "import os; os.system('/bin/sh -c true')"),
                               Act("python3", "-c", "import os; os.system('true')")),
    "remote_system_discovery": (fake("ping", "-c", "1", "127.0.0.1"), fake("ping", "-c", "1", "::1")),
    "security_tools_disabling": (fake("systemctl", "stop", "firewalld"),
                                 fake("systemctl", "status", "firewalld")),
    "setgid_setuid": (Act("sh", "-c", "true chown root file; true  chmod u+s file"),
                      Act("sh", "-c", "true chown root file; true  chmod u+w file")),
    "ssm_agent_abuse": (
        fake("amazon-ssm-agent", "-register", "-code", "x", "-id", "y", "-region", "z"),
        fake("amazon-ssm-agent", "-version")),
    "susp_container_residence_discovery": (Act("head", "-c", "0", "/proc/self/cgroup"),
                                           Act("head", "-c", "0", "/proc/self/stat")),
    "susp_find_execution": (Act("find", "{folder}/empty", "-perm", "-4000"),
                            Act("find", "{folder}/empty", "-perm", "-400")),
    "susp_history_delete": (Act("rm", "-f", "{folder}/.bash_history"),
                            Act("rm", "-f", "{folder}/.bash_logout")),
    "susp_history_recon": (Act("tail", "-n", "1", "{folder}/.zsh_history"),
                           Act("tail", "-n", "1", "{folder}/file")),
    "susp_network_utilities_execution": (fake("nmap", "--version"),
                                         fake("netcat", "-v", "-l", "::1", "1")),
    "susp_process_reading_sudoers": (fake("grep", "root", "/etc/sudoers"),
                                     fake("grep", "root", "/srv/sudoers")),
    "susp_script_interpretor_spawn_credential_scanner": (
        fake("gitleaks", "detect", shell_named="node"), fake("gitleaks", "version")),
    "susp_shell_script_exec_from_susp_location": (Act("sh", "-c", "true /tmp/script"),
                                                  Act("sh", "-c", "true /srv/script")),
    "system_info_discovery": (Act("uname", "-r"), Act("arch")),
    "system_network_connections_discovery": (Act("who", "--count"), Act("whoami")),
    "system_network_discovery": (Act("ip", "-V"), Act("nstat", "-V")),
    "triple_cross_rootkit_execve_hijack": (fake("sudo", "./execve_hijack"), fake("sudo", "./execve")),
    "triple_cross_rootkit_install": (
        fake("sudo", "tc", "qdisc", "add", "dev", "enp0s3", "clsact"),
        fake("sudo", "tc", "class", "add", "dev", "enp0s3", "clsact")),
    "userdel": (fake("userdel", "nobody-has-it"), fake("usermod", "nobody-has-it")),
    "webshell_detection": (Act("whoami", shell_named="nginx"), Act("id", shell_named="nginx")),
    "wget_download_suspicious_directory": (fake("wget", "-O", "/tmp/none", "http://[::1]:1/"),
                                           fake("wget", "-o", "/tmp/none", "http://[::1]:1/")),
    "xterm_reverse_shell": (fake("xterm", "-display", "127.0.0.1:1"),
                            fake("xterm", "-display", "127.0.0.1:2")),
}


def sigma(*parts):
    path = os.path.join(SIGMA, *parts)
    if not os.path.exists(path):
        raise Skipped(f"there is no {os.path.relpath(path, ROOT)}: the data beside the source tree "
                      "is not part of it")
    return path


class Stand:
    """Where the acts are played: a folder with the fakes and with what real programs touch."""

    def __init__(self, stage, name):
        self.folder = stage.folder(name)
        for folder in ("bin", "empty", "tmp", "var/log"):
            stage.folder(f"{name}/{folder}")
        for file in ("file", "tmp/file", "var/log/syslog", ".bash_history", ".zsh_history"):
            stage.file(f"{name}/{file}", "nothing\n")

    def _program(self, name, of):
        path = os.path.join(self.folder, "bin", name)
        if not os.path.exists(path):
            shutil.copy(os.path.realpath(shutil.which(of)), path)
        return path

    def play(self, act):
        """Does it; the command line that a fact must show."""
        words = [word.format(folder=self.folder) for word in act.words]
        program = self._program(words[0], "true") if act.fake else shutil.which(words[0])
        if program is None:  # not installed: the name and the words are what counts
            program = self._program(words[0], "true")
        command = [*words]
        if act.shell_named:
            # Two commands, so that the shell stays to be the parent.
            shell = self._program(act.shell_named, "sh")
            command = [shell, "-c", '"$0" "$@"; exit 0', program, *words[1:]]
            words[0] = program
            program = shell
        elif act.private_tmp:
            command = ["unshare", "--mount", "--", "sh", "-c",
                       'mount -t tmpfs assay-live /tmp && exec "$0" "$@"', *words]
            program = shutil.which("unshare")
        subprocess.run(command, executable=program, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder,
                       timeout=20, check=False)
        return " ".join(words)


def process_of(finding):
    """The process of the newest evidence that names one."""
    evidences = [each["process"] for each in finding.last["evidences"] if "process" in each]
    assert evidences, f"no process in the evidence of {finding}"
    return evidences[-1]


def expect_finding(findings, rule, line, times):
    """One finding of that rule on that command line, with who did it and who started that."""
    found = [finding for finding in findings.of(rule)
             if finding.subject.get("CommandLine") == line]
    if len(found) != 1:
        others = [finding.subject.get("CommandLine") for finding in findings.of(rule)]
        raise AssertionError(f"{rule}: {len(found)} findings on {line!r}; on others: {others[:5]}")
    finding = found[0]
    assert finding.count == times, f"{rule}: counted {finding.count} and not {times}"
    process = process_of(finding)
    assert process["cmd_line"] == line, f"{rule}: {process}"
    above = [process.get("parent_process", {}), *process.get("ancestry", [])]
    ours = [each for each in above if each.get("pid") == os.getpid()]
    assert ours and "run" in ours[0]["cmd_line"], f"{rule}: we are no ancestor in {process}"


@test()
def process_creation_rules(stage):
    """Sigma's process_creation rules fire on the harmless form of what they describe, once for each subject, with ancestry, and not on its neighbour."""
    rules = sigma("process_creation")
    stand = Stand(stage, "sigma")
    lines = {}
    with Assay(stage.binary, ["run", "--rules", rules, "--package", "runtime-behavior", "--format",
                              "jsonl", "--duration", "10m"]) as assay:
        for name, (act, near_miss) in ACTS.items():
            line = stand.play(act)
            stand.play(act)
            lines[f"proc_creation_lnx_{name}"] = (line, stand.play(near_miss))
        status = assay.end()
        assert status == 0, f"assay ended with {status}: {assay.stderr[-600:]}"
        findings = Findings(assay.records())
    judged = {check["name"] for check in findings.verdicts["compliance"]["checks"]}
    wrong, fired = [], 0
    for rule, (line, near_line) in lines.items():
        if rule not in judged:
            continue  # not supported: `assay rules check` says why
        try:
            times = sum(line == other for other, _ in lines.values())
            expect_finding(findings, rule, line, 2 * times)
            fired += 1
            near = [finding for finding in findings.of(rule)
                    if finding.subject.get("CommandLine") == near_line]
            assert not near, f"{rule} fires on the near miss {near_line!r}"
        except AssertionError as failure:
            wrong.append(str(failure))
    assert not wrong, f"{fired} rules fired as they should; not so: " + "; ".join(wrong)
    assert fired >= LEAST, f"only {fired} rules fired; not supported: {sorted(set(lines) - judged)}"


@test()
def network_connection_rules(stage):
    """Sigma's network_connection rules fire on a tunnel's name and on a callback port, and not on their neighbours."""
    rules = sigma("network_connection")
    # Import here: the DNS server of that scenario serves this one too.
    from scenarios import dns
    client = dns.Client(stage)
    with dns.names(stage), \
            Server([sys.executable, "-c", dns.GREETER, 4444, dns.MORE[0]], [4444],
                   place=stage.server, log=stage.log("callback")), \
            Assay(stage.binary, ["run", "--rules", rules, "--package", "runtime-behavior",
                                 "--format", "jsonl", "--duration", "10m"]) as assay:
        client.connect("tunnel.us.ngrok.com")
        client.connect("plain.test")
        client.connect("plain.test", 4444)
        status = assay.end()
        assert status == 0, f"assay ended with {status}: {assay.stderr[-600:]}"
        findings = Findings(assay.records())
    judged = {check["name"] for check in findings.verdicts["compliance"]["checks"]}
    expected = {"net_connection_lnx_ngrok_tunnel": (dns.TUNNEL, dns.PORT),
                "net_connection_lnx_susp_malware_callback_port": (dns.MORE[0], 4444)}
    wanted = {rule: place for rule, place in expected.items() if rule in judged}
    if not wanted:
        raise Skipped("none of these rules is supported")
    for rule, (address, port) in wanted.items():
        found = [(finding.ip, finding.port) for finding in findings.of(rule)]
        assert found == [(address, port)], f"{rule}: {found}"
        process_of(findings.of(rule)[0])


@test()
def file_event_rules(stage):
    """Sigma's file_event rules fire on files that appear where they look, and not beside."""
    rules = sigma("file_event")
    places = {"/etc/cron.d/assay-live": "file_event_lnx_susp_cron_file_created",
              "/etc/sudoers.d/assay-live": "file_event_lnx_persistence_sudoers_files",
              "/etc/profile.d/assay-live.sh":
                  "file_event_lnx_susp_shell_script_under_profile_directory"}
    # A watch sits on a directory as it is found: the files are made in the places themselves, under
    # a mount that only assay and the acts see.
    script = """
        set -e
        for place in /etc/cron.d /etc/sudoers.d /etc/profile.d; do
            if [ -d "$place" ]; then mount -t tmpfs assay-live "$place"; fi
        done
        exec "$@"
    """
    prefix = ["unshare", "--mount", "--", "sh", "-c", script, "sh"]
    with Assay(stage.binary, ["run", "--rules", rules, "--package", "runtime-behavior", "--format",
                              "jsonl", "--duration", "10m"], prefix=prefix) as assay:
        inside = ["nsenter", f"--mount=/proc/{assay.pid}/ns/mnt", "--"]

        def made(path):
            HOST.run([*inside, "sh", "-c", f": > '{path}'"])

        for path in (*places, "/etc/profile.d/assay-live.text"):
            if os.path.isdir(os.path.dirname(path)):
                made(path)
        status = assay.end()
        assert status == 0, f"assay ended with {status}: {assay.stderr[-600:]}"
        findings = Findings(assay.records())
    judged = {check["name"]: check for check in findings.verdicts["compliance"]["checks"]}
    wanted = {rule: path for path, rule in places.items()
              if rule in judged and os.path.isdir(os.path.dirname(path))}
    if not wanted:
        raise Skipped("no rule of file_event is judged here, or none of their directories is there")
    if not any(hook["hook"] == "file_change" and hook["state"] == "attached"
               for hook in findings.summary["coverage"]):
        raise Skipped("files made and renamed are not watched: the hook file_change is not attached")
    for rule, path in wanted.items():
        found = [finding.subject.get("TargetFilename") for finding in findings.of(rule)]
        assert found == [path], f"{rule}: {found}, verdict {judged[rule]}"
