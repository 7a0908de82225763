"""A production's environment with made-up servers and secrets: enough to read the settings, not to serve anybody.

python -m deploy.production COMMAND...    run COMMAND in it; so are static files collected when the image is built
"""

import os
import subprocess
import sys

from deploy import demo

NOBODY = "127.0.0.1:9"


def made_up() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    named = {
        "PORTAL_URL": "https://portal.example",
        "DATABASE_URL": f"postgres://portal:password@{NOBODY}/portal",
        "REDIS_URL": f"redis://{NOBODY}",
        "EMAIL_URL": f"smtp+tls://portal:password@{NOBODY}",
        "REFUND_DEBTOR_IBAN": "SA0380000000608010167519",
        "REFUND_DEBTOR_BIC": "RJHISARI",
        "RECAPTCHA_PUBLIC_KEY": "public",
        "RECAPTCHA_PRIVATE_KEY": "private",
    }
    return kept | named | demo.new_secrets()


if __name__ == "__main__":
    raise SystemExit(subprocess.call(sys.argv[1:], env=made_up(), cwd=demo.ROOT))
