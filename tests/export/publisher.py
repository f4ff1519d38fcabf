"""What the tests of publishing run in processes of their own: the parts of an exporter that need no TensorFlow.

python publisher.py publish BASE SOURCE TIMES   publish copies of a version again and again
python publisher.py watch BASE                  check each version as soon as it is there, until standard input ends
"""

import select
import shutil
import sys
from pathlib import Path

from kzoo.export.checksums import checksum_problems
from kzoo.export.staging import claim_and_publish, staging
from kzoo.export.versions import list_versions


def publish(base: str, source: str, times: str) -> None:
    for _ in range(int(times)):
        with staging(base) as directory:
            shutil.copytree(source, directory, dirs_exist_ok=True)
            print(claim_and_publish(directory).name, flush=True)


def watch(base: str) -> None:
    seen: set[int] = set()
    print("watching", flush=True)
    while True:
        last = bool(select.select([sys.stdin], [], [], 0)[0])
        for number in set(list_versions(base)) - seen:
            problems = checksum_problems(Path(base) / str(number))
            assert not problems, (number, problems)
            seen.add(number)
        if last:
            print(len(seen))
            return


if __name__ == "__main__":
    {"publish": publish, "watch": watch}[sys.argv[1]](*sys.argv[2:])
