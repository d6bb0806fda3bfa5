# SPDX-License-Identifier: Apache-2.0
"""What assay says PAM asks of a new password, against what PAM takes; login.defs against useradd.

For each configuration a user of a private /etc changes his password through libpam: every mix of
character classes around the length that assay names is tried, and what is stored counts. Run as a
program (in a mount namespace of its own: it puts a tmpfs on /etc) this file does one such round:

    unshare --mount --propagation private python3 pam_oracle.py COMMAND…

where COMMAND prints setting facts of / as JSON lines, one for each line on standard input.
"""
import ctypes
import glob
import itertools
import json
import os
import shutil
import subprocess
import sys

MODULES = os.environ.get("ASSAY_PAM_MODULES", "")
USER, UID = "oracle", 23456
OLD = "Zq9-old.Kx4_Wv8!tR2"
OLD_HASH = "$1$assayold$"  # completed by crypt(3)
LONGEST = 40
# No words, no runs, and no character near its neighbour in the alphabet.
ALPHABET = ("7294618305", "QZKVXJWGTB", "qzkvxjwgtb", "-_+=%&@:.,")

DEBIAN_TAIL = """password requisite pam_deny.so
password required pam_permit.so
"""


def quality(arguments="", config="", drop_ins=(), unix="use_authtok"):
    """pam_pwquality before pam_unix, as Debian's pam-auth-update writes it."""
    return {
        "pam": f"password requisite pam_pwquality.so {arguments}\n"
               f"password [success=1 default=ignore] pam_unix.so {unix} md5\n" + DEBIAN_TAIL,
        "pwquality.conf": config,
        "drop-ins": dict(drop_ins),
    }


def stack(text):
    return {"pam": text, "pwquality.conf": "", "drop-ins": {}}


CASES = {
    "unix alone": stack("password [success=1 default=ignore] pam_unix.so md5\n" + DEBIAN_TAIL),
    "unix obscure": stack("password [success=1 default=ignore] pam_unix.so obscure md5\n"
                          + DEBIAN_TAIL),
    "unix obscure minlen=4": stack("password required pam_unix.so obscure minlen=4 md5\n"),
    "unix minlen=9": stack("password required pam_unix.so minlen=9 md5\n"),
    "unix minlen=0": stack("password required pam_unix.so minlen=0 md5\n"),
    "unix minlen given twice": stack("password required pam_unix.so minlen=9 minlen=7 md5\n"),
    "unix minlen that is no number": stack("password required pam_unix.so minlen=9x md5\n"),
    "pwquality defaults": quality(),
    "argument": quality("minlen=11"),
    "argument over file": quality("minlen=9", "minlen = 12\n"),
    "file": quality(config="# minlen = 20\nminlen = 10\n"),
    "file over drop-in": quality(config="minlen = 9\n",
                                 drop_ins={"50-x.conf": "minlen = 12\n"}),
    "drop-ins in order": quality(drop_ins={"10-a.conf": "minlen = 12\n",
                                           "20-b.conf": "minlen = 10\n",
                                           "30-c.txt": "minlen = 7\n"}),
    "file stops at a mistake": quality(config="minlen = 12\nnonsense = 1\nminlen = 9\n"),
    "file without equals signs": quality(config="minlen 10\n  minclass\t2 # two\n"),
    "file with CR LF": quality(config="minlen = 11\r\nminclass = 2\r\n"),
    "lowest minimum": quality("minlen=3 dictcheck=0"),
    "positive credits": quality("minlen=12 dcredit=1 ucredit=1 lcredit=1 ocredit=1"),
    "large credits": quality("minlen=14 dcredit=3 ucredit=2"),
    "one large credit": quality("minlen=16 lcredit=12 dictcheck=0"),
    "credits below six": quality("minlen=8 dcredit=2 ucredit=2 lcredit=2 ocredit=2 dictcheck=0"),
    "credits below six, dictionary": quality("minlen=8 dcredit=2 ucredit=2 lcredit=2 ocredit=2"),
    "negative credits": quality("minlen=8 dcredit=-1 ucredit=-1 lcredit=-1 ocredit=-1"),
    "negative and positive": quality("minlen=12 dcredit=-2 ucredit=2 lcredit=1 ocredit=0"),
    "many of one class": quality("minlen=8 dcredit=-9"),
    "minclass 2": quality("minlen=8 minclass=2"),
    "minclass 3 and a credit": quality("minlen=10 minclass=3 ocredit=2"),
    "minclass 4": quality("minclass=4 minlen=9"),
    "not enforced": quality("minlen=14 minclass=4", "enforcing = 0\n"),
    "retry": quality("retry=3 minlen=10"),
    "unix asks again": quality("minlen=12", unix=""),
    "unix asks again, retry": quality("minlen=12 retry=3", unix="try_first_pass"),
    "unix longer than quality": quality("minlen=8", unix="use_authtok minlen=10"),
    "quality after unix": stack("password required pam_unix.so md5\n"
                                "password required pam_pwquality.so minlen=14 use_authtok\n"),
    "jumped over": stack("password [success=1 default=ignore] pam_permit.so\n"
                         "password requisite pam_pwquality.so minlen=14\n"
                         "password required pam_unix.so md5\n"),
    "not jumped over": stack("password [success=ignore default=1] pam_permit.so\n"
                             "password requisite pam_pwquality.so minlen=10\n"
                             "password required pam_unix.so use_authtok md5\n"),
    "optional quality": stack("password optional pam_pwquality.so minlen=12\n"
                              "password required pam_unix.so use_authtok md5\n"),
    "substack": stack("password substack inner\npassword required pam_unix.so use_authtok md5\n"
                      "=inner\npassword requisite pam_pwquality.so minlen=10 minclass=2\n"),
    "jump over a substack": stack("password [success=1 default=bad] pam_permit.so\n"
                                  "password substack inner\n"
                                  "password required pam_unix.so md5\n"
                                  "=inner\npassword requisite pam_pwquality.so minlen=12\n"
                                  "password required pam_permit.so\n"),
    "include and continuation": stack("password include inner\n=inner\n"
                                      "password requisite \\\n   pam_pwquality.so \\\n minlen=10 # x\n"
                                      "password required pam_unix.so use_authtok md5\n"),
    "two quality modules": stack("password requisite pam_pwquality.so minlen=8 dcredit=-1\n"
                                 "password requisite pam_pwquality.so minlen=10 ucredit=-1 "
                                 "use_authtok\n"
                                 "password required pam_unix.so use_authtok md5\n"),
    "missing module, silent": stack("-password optional pam_nowhere.so\n"
                                    "password required pam_unix.so minlen=8 md5\n"),
    "sufficient unix, then deny": stack("password requisite pam_pwquality.so local_users_only\n"
                                        "password sufficient pam_unix.so md5 shadow use_authtok\n"
                                        "password required pam_deny.so\n"),
    "passwdqc defaults": stack("password requisite pam_passwdqc.so\n"
                               "password required pam_unix.so use_authtok md5\n"),
    "passwdqc min": stack("password requisite pam_passwdqc.so min=disabled,disabled,disabled,12,10\n"
                          "password required pam_unix.so use_authtok md5\n"),
    "passwdqc not enforced": stack("password requisite pam_passwdqc.so enforce=none\n"
                                   "password required pam_unix.so use_authtok md5\n"),
    "history before unix": stack("password requisite pam_pwquality.so minlen=9\n"
                                 "password required pam_pwhistory.so use_authtok remember=5\n"
                                 "password required pam_unix.so use_authtok md5\n"),
    "history asks again": stack("password requisite pam_pwquality.so minlen=12\n"
                                "password required pam_pwhistory.so remember=5\n"
                                "password required pam_unix.so use_authtok md5\n"),
}


LOGIN_DEFS = ("PASS_MAX_DAYS 90\n", "PASS_MAX_DAYS\t 99999  \n", "PASS_MAX_DAYS 90\nPASS_MAX_DAYS 60\n",
              "PASS_MAX_DAYS 0365\n", "PASS_MAX_DAYS 0x10\n", 'PASS_MAX_DAYS "90"\n',
              "PASS_MAX_DAYS -1\n", "PASS_MAX_DAYS 90 # days\n", "PASS_MAX_DAYS=90\n",
              "PASS_MAX_DAYS 90\r\n", "pass_max_days 90\n", "PASS_MAX_DAYS\n", "PASS_MAX_DAYS +7\n",
              "PASS_MAX_DAYS 99999999999\n", "#PASS_MAX_DAYS 9\n", "")


class Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


CONVERSATION = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int,
                                ctypes.POINTER(ctypes.POINTER(Message)),
                                ctypes.POINTER(ctypes.POINTER(Response)), ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = [("function", CONVERSATION), ("data", ctypes.c_void_p)]


NO_DELAY = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)(lambda *_: None)
FAIL_DELAY = 10  # PAM_FAIL_DELAY

libc = ctypes.CDLL("libc.so.6")
libc.calloc.restype = ctypes.c_void_p
libc.calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
libc.strdup.restype = ctypes.c_void_p
libc.strdup.argtypes = [ctypes.c_char_p]


def libcrypt():
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    library.crypt.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    return library


class Oracle:
    """A private /etc with one user whose password libpam may change."""

    def __init__(self):
        self.crypt = libcrypt().crypt
        self.old_hash = self.crypt(OLD.encode(), OLD_HASH.encode()).decode()
        self.pam = ctypes.CDLL("libpam.so.0")
        self.pam.pam_start.argtypes = [ctypes.c_char_p, ctypes.c_char_p,
                                       ctypes.POINTER(Conversation),
                                       ctypes.POINTER(ctypes.c_void_p)]
        self.pam.pam_set_item.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
        self.pam.pam_chauthtok.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self.pam.pam_end.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self.answer = ""
        self.conversation = Conversation(CONVERSATION(self._talk), None)

    def _talk(self, count, messages, responses, _):
        block = libc.calloc(count, ctypes.sizeof(Response))
        answers = ctypes.cast(block, ctypes.POINTER(Response))
        for i in range(count):
            text = (messages[i].contents.text or b"").decode(errors="replace").lower()
            if messages[i].contents.style in (1, 2):
                old = "current" in text or "old" in text
                answers[i].text = libc.strdup((OLD if old else self.answer).encode())
        responses[0] = answers
        return 0

    def settle(self, case):
        shutil.rmtree("/etc/security", ignore_errors=True)
        shutil.rmtree("/etc/pam.d", ignore_errors=True)
        os.makedirs("/etc/security/pwquality.conf.d")
        os.makedirs("/etc/pam.d")
        name = "passwd"
        for number, part in enumerate(case["pam"].split("\n=")):
            if number:
                name, part = part.split("\n", 1)
            write(f"/etc/pam.d/{name}", with_module_paths(part + "\n"))
        write("/etc/pam.d/other", "password required pam_deny.so\n")
        if case["pwquality.conf"]:
            write("/etc/security/pwquality.conf", case["pwquality.conf"])
        for name, text in case["drop-ins"].items():
            write(f"/etc/security/pwquality.conf.d/{name}", text)

    def accepts(self, password):
        """The password of the user is this one afterwards."""
        write("/etc/shadow", f"root:*:19000:0:99999:7:::\n{USER}:{self.old_hash}:19000:0:99999:7:::\n")
        for leftover in ("/etc/security/opasswd", "/etc/nshadow"):
            if os.path.exists(leftover):
                os.unlink(leftover)
        write("/etc/security/opasswd", "")
        self.answer = password
        handle = ctypes.c_void_p()
        os.setresuid(UID, 0, 0)  # as the setuid program passwd
        try:
            started = self.pam.pam_start(b"passwd", USER.encode(), ctypes.byref(self.conversation),
                                         ctypes.byref(handle))
            assert started == 0, f"pam_start: {started}"
            # pam_unix asks for two seconds of delay after each refusal.
            self.pam.pam_set_item(handle, FAIL_DELAY, ctypes.cast(NO_DELAY, ctypes.c_void_p))
            self.pam.pam_end(handle, self.pam.pam_chauthtok(handle, 0))
        finally:
            os.setresuid(0, 0, 0)
        with open("/etc/shadow", encoding="ascii") as file:
            stored = next(line for line in file if line.startswith(USER + ":")).split(":")[1]
        if stored == self.old_hash:
            return False
        assert self.crypt(password.encode(), stored.encode()).decode() == stored, "another password"
        return True


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def with_module_paths(text):
    """Modules that are not installed but unpacked in ASSAY_PAM_MODULES, by their full name."""
    for path in glob.glob(os.path.join(MODULES, "*.so")) if MODULES else ():
        text = text.replace(" " + os.path.basename(path), " " + path)
    return text


def mixes(length, classes):
    """Counts of characters for each class: all from these classes, some of each."""
    extra = length - len(classes)
    if extra < 0:
        return
    seen = set()

    def counts(parts):
        mix = [0, 0, 0, 0]
        for index, part in zip(classes, parts):
            mix[index] = 1 + part
        return tuple(mix)

    for winner in range(len(classes)):
        seen.add(counts([extra if i == winner else 0 for i in range(len(classes))]))
    share, left = divmod(extra, len(classes))
    seen.add(counts([share + (1 if i < left else 0) for i in range(len(classes))]))
    for pair in itertools.permutations(range(len(classes)), 2):
        for first in range(1, extra):
            parts = [0] * len(classes)
            parts[pair[0]], parts[pair[1]] = first, extra - first
            seen.add(counts(parts))
    yield from sorted(seen)


def password(mix):
    """Characters of the classes in turn, so that none runs long."""
    left = list(mix)
    used = [0, 0, 0, 0]
    text = ""
    while sum(left):
        index = max(range(4), key=lambda i: (left[i], i))
        text += ALPHABET[index][(used[index] * 3 + index) % 10]
        used[index] += 1
        left[index] -= 1
        rest = [i for i in range(4) if left[i] and i != index]
        if rest:
            other = max(rest, key=lambda i: left[i])
            text += ALPHABET[other][(used[other] * 3 + other) % 10]
            used[other] += 1
            left[other] -= 1
    return text


SUBSETS = [subset for size in (1, 2, 3, 4) for subset in itertools.combinations(range(4), size)]


def taken(oracle, length, subsets):
    """A password of this length that PAM takes, or None."""
    for subset in subsets:
        for mix in mixes(length, subset):
            candidate = password(mix)
            if oracle.accepts(candidate):
                return candidate
    return None


def disagreements(oracle, claims):
    length = int(claims["pam.password.minimum_length"])
    classes = int(claims["pam.password.required_classes"])
    wrong = []
    if taken(oracle, length, SUBSETS) is None:
        wrong.append(f"says {length} bytes are enough, but no such password is taken")
    for shorter in range(max(1, length - 3), length):
        found = taken(oracle, shorter, SUBSETS)
        if found:
            wrong.append(f"says {length} bytes are needed, but {found!r} is taken")
            break
    lengths = sorted({length, length + 1, length + 3, 24, LONGEST})
    of_size = [[s for s in SUBSETS if len(s) == size] for size in range(5)]
    if not any(taken(oracle, n, of_size[classes]) for n in lengths if n >= length):
        wrong.append(f"says {classes} classes are enough, but no such password is taken")
    for fewer in range(1, classes):
        for n in lengths:
            found = taken(oracle, n, of_size[fewer])
            if found:
                wrong.append(f"says {classes} classes are needed, but {found!r} is taken")
                break
    return wrong


def private_etc():
    kept = {}
    for name in ("ld.so.cache", "ld.so.conf", "debian_version", "os-release", "alternatives"):
        path = "/etc/" + name
        if os.path.isfile(path):
            with open(path, "rb") as file:
                kept[path] = file.read()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "assay-oracle", "/etc"], check=True)
    for path, content in kept.items():
        with open(path, "wb") as file:
            file.write(content)
    write("/etc/passwd", f"root:x:0:0::/root:/bin/sh\n{USER}:x:{UID}:{UID}::/nonexistent:/bin/sh\n")
    write("/etc/gshadow", "")
    write("/etc/group", f"root:x:0:\n{USER}:x:{UID}:\n")
    write("/etc/nsswitch.conf", "passwd: files\nshadow: files\ngroup: files\n")
    write("/etc/login.defs", "ENCRYPT_METHOD MD5\n")


def facts(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    told = {}
    for line in done.stdout.splitlines():
        fact = json.loads(line)
        if "Value" in fact:
            told.setdefault(fact["Setting"], fact["Value"])
    return told


def disagreement_of_login_defs(number, text, command):
    """useradd writes the maximum age of a new account into shadow; nothing when there is none."""
    write("/etc/login.defs", text)
    name = f"made{number}"
    subprocess.run(["useradd", "--no-create-home", "--no-user-group", "--gid", "0", "--uid",
                    str(30000 + number), name], capture_output=True, timeout=30, check=True)
    with open("/etc/shadow", encoding="ascii") as file:
        made = next(line for line in file if line.startswith(name + ":")).split(":")[4]
    said = facts(command).get("login_defs.pass_max_days", "nothing")
    return [] if said == (made or "-1") else [f"says {said}, useradd writes {made!r}"]


def usable(case):
    """The modules of a case are here."""
    text = with_module_paths(case["pam"])
    return all(f" {module}" not in text or glob.glob(f"/lib/*/security/{module}")
               for module in ("pam_pwquality.so", "pam_passwdqc.so"))


def main(command):
    private_etc()
    oracle = Oracle()
    for name, case in CASES.items():
        if not usable(case):
            print(json.dumps({"case": name, "skipped": "its module is not installed"}), flush=True)
            continue
        oracle.settle(case)
        write("/etc/shadow", f"{USER}:{oracle.old_hash}:19000:0:99999:7:::\n")
        claims = facts(command)
        try:
            wrong = disagreements(oracle, claims)
        except KeyError as missing:
            wrong = [f"assay did not tell {missing}"]
        print(json.dumps({"case": name, "wrong": wrong,
                          "length": claims.get("pam.password.minimum_length"),
                          "classes": claims.get("pam.password.required_classes")}), flush=True)
    for number, text in enumerate(LOGIN_DEFS):
        print(json.dumps({"case": f"login.defs {text!r}",
                          "wrong": disagreement_of_login_defs(number, text, command)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
else:
    from framework.harness import Skipped, test

    def unpacked_modules(folder):
        """Where the modules are; installing them would rewrite this host's PAM configuration."""
        subprocess.run(["apt-get", "download", "libpam-pwquality", "libpam-passwdqc"], cwd=folder,
                       capture_output=True, timeout=120, check=False)
        for package in glob.glob(os.path.join(folder, "*.deb")):
            subprocess.run(["dpkg-deb", "-x", package, os.path.join(folder, "root")], timeout=60,
                           check=True)
        found = glob.glob(os.path.join(folder, "root", "**", "security", "pam_*.so"),
                          recursive=True)
        return os.path.dirname(found[0]) if found else ""

    @test()
    def password_policy_agrees_with_pam(stage):
        """The length and classes that assay tells are PAM's, the maximum age is useradd's."""
        if stage.binary is None:
            raise Skipped("without assay there is nothing to compare")
        command = [stage.binary, "facts", "--kind", "setting", "--host-root", "/",
                   "--duration", "0s"]
        modules = MODULES or unpacked_modules(stage.folder("pam-modules"))
        done = subprocess.run(["unshare", "--mount", "--propagation", "private", sys.executable,
                               os.path.abspath(__file__), *command],
                              capture_output=True, text=True, timeout=600, check=False,
                              env={**os.environ, "ASSAY_PAM_MODULES": modules})
        assert done.returncode == 0, done.stderr[-2000:]
        results = [json.loads(line) for line in done.stdout.splitlines()]
        judged = [result for result in results if "wrong" in result]
        if len(judged) < 30 + len(LOGIN_DEFS):
            raise Skipped(f"only {len(judged)} of {len(results)} configurations can be tried: "
                          "install libpam-pwquality, libpam-passwdqc")
        wrong = [f"{result['case']}: {what}" for result in judged for what in result["wrong"]]
        assert not wrong, "\n".join(wrong)
