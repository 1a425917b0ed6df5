"""Single classes of NLTK are imported without the package, also while others import."""

from __future__ import annotations

import subprocess
import sys

IMPORTS = """
import sys, threading
sys.setswitchinterval(1e-6)
from rsitmd_tools.text.nltk_parts import porter_stemmer, word_tokenizer

running = True

def others():  # what imports of other modules do
    number = 0
    while running:
        number += 1
        sys.modules[f"other{number}"] = sys
        if number % 50 == 0:
            for each in range(number - 49, number + 1):
                del sys.modules[f"other{each}"]

thread = threading.Thread(target=others)
thread.start()
try:
    for _ in range(100):
        porter_stemmer.__wrapped__()
        word_tokenizer.__wrapped__()
finally:
    running = False
    thread.join()
assert not [name for name in list(sys.modules) if name.partition(".")[0] == "nltk"]
"""


def test_the_classes_are_imported_while_other_threads_import() -> None:
    command = [sys.executable, "-c", IMPORTS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
