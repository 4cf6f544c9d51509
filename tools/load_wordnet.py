#!/usr/bin/env python3
"""Loads WordNet 3.0 into a property graph of ruvector.

    load_wordnet.py load <folder> <graph> -- psql ...
    load_wordnet.py count <folder>

The folder holds data.{noun,verb,adj,adv} and index.* in the format of wndb(5WN). The graph:

    (:Synset {id: 'n00001740', pos: 'noun', gloss: '...'})    one per synset; the id is the part of
                                                              speech and the offset in its file
    (:Word {lemma: 'domestic dog'})                           one per spelling, case kept
    (:Word)-[:SENSE_OF {pos, sense, position}]->(:Synset)     sense: 1 = the most frequent meaning of
                                                              the lemma in that part of speech;
                                                              position: place among the synonyms
    (:Synset)-[:HYPERNYM]->(:Synset)                          and the other 26 kinds of pointers

A pointer reads "the target is a ... of the source". A lexical pointer holds between two words of the
synsets, not between their meanings (antonyms, for one); such an edge has the properties `source`
and `target`, the two lemmas.

`load` does everything in one transaction through the psql command after `--`: the graph and table
word_node(word, node_id, lemma), which maps a lower-case word to its Word nodes, are there whole
afterwards, or not at all.
"""
import json
import os
import subprocess
import sys

from progress import Progress

POS = {"n": "noun", "v": "verb", "a": "adj", "s": "adj", "r": "adv"}
POS_NAMES = {"n": "noun", "v": "verb", "a": "adjective", "s": "adjective satellite", "r": "adverb"}
POINTERS = {
    "!": "ANTONYM", "@": "HYPERNYM", "@i": "INSTANCE_HYPERNYM", "~": "HYPONYM",
    "~i": "INSTANCE_HYPONYM", "#m": "MEMBER_HOLONYM", "#s": "SUBSTANCE_HOLONYM",
    "#p": "PART_HOLONYM", "%m": "MEMBER_MERONYM", "%s": "SUBSTANCE_MERONYM", "%p": "PART_MERONYM",
    "=": "ATTRIBUTE", "+": "DERIVATIONALLY_RELATED", ";c": "DOMAIN_TOPIC",
    "-c": "MEMBER_OF_DOMAIN_TOPIC", ";r": "DOMAIN_REGION", "-r": "MEMBER_OF_DOMAIN_REGION",
    ";u": "DOMAIN_USAGE", "-u": "MEMBER_OF_DOMAIN_USAGE", "*": "ENTAILMENT", ">": "CAUSE",
    "^": "ALSO_SEE", "$": "VERB_GROUP", "&": "SIMILAR_TO", "<": "PARTICIPLE", "\\": "PERTAINYM",
}
# in data.adv the same sign says from which adjective the adverb is derived
ADVERB_POINTERS = {"\\": "DERIVED_FROM_ADJECTIVE"}
BATCH = 5000


def lines_of(folder, name):
    """Lines of a database file without its licence, whose lines begin with two spaces."""
    with open(os.path.join(folder, name), encoding="ascii") as lines:
        for line in lines:
            if not line.startswith("  "):
                yield line


def lemma_of(form):
    """A word as it stands in a data file, without the syntactic marker of adjectives: galore(ip)."""
    if form.endswith(")"):
        form = form[:form.rindex("(")]
    return form.replace("_", " ")


def synset_id(pos, offset):
    """A satellite is an adjective: its offset is one of data.adj, and pointers call it `a`."""
    return ("a" if pos == "s" else pos) + offset


def read_synset(line):
    """(id, kind, lemmas, gloss, [(symbol, target id, source word, target word)]) of a data line."""
    fields, gloss = line.split(" | ", 1)
    fields = fields.split()
    kind, count = fields[2], int(fields[3], 16)
    lemmas = [lemma_of(form) for form in fields[4:4 + 2 * count:2]]
    at = 4 + 2 * count
    pointers = []
    for i in range(at + 1, at + 1 + 4 * int(fields[at]), 4):
        symbol, offset, pos, words = fields[i:i + 4]
        pointers.append((symbol, synset_id(pos, offset), int(words[:2], 16), int(words[2:], 16)))
    return synset_id(kind, fields[0]), kind, lemmas, gloss.strip(), pointers


def read_senses(folder):
    """(part of speech, lower-case lemma, synset id) -> number of the sense, from the index files."""
    senses = {}
    for pos in "nvar":
        for line in lines_of(folder, "index." + POS[pos]):
            fields = line.split()
            offsets = fields[-int(fields[2]):]
            for number, offset in enumerate(offsets, 1):
                senses[pos, fields[0].replace("_", " "), synset_id(pos, offset)] = number
    return senses


def read_wordnet(folder):
    """(synset rows, words, edges); an edge is (source key, target key, type, properties)."""
    synsets, words, pointers = {}, {}, []
    senses, sense_edges = read_senses(folder), []
    for pos in "nvar":
        types = dict(POINTERS, **(ADVERB_POINTERS if pos == "r" else {}))
        for line in lines_of(folder, "data." + POS[pos]):
            sid, kind, lemmas, gloss, links = read_synset(line)
            synsets[sid] = (POS_NAMES[kind], gloss, lemmas)
            for position, lemma in enumerate(lemmas, 1):
                words.setdefault(lemma)
                sense_edges.append((lemma, sid, "SENSE_OF", {
                    "pos": POS_NAMES[pos], "sense": senses[pos, lemma.lower(), sid],
                    "position": position}))
            for symbol, target, from_word, to_word in links:
                pointers.append((sid, target, types[symbol], from_word, to_word))
    edges = sense_edges
    for sid, target, kind, from_word, to_word in pointers:
        lexical = {}
        if from_word:
            lexical = {"source": synsets[sid][2][from_word - 1],
                       "target": synsets[target][2][to_word - 1]}
        edges.append((sid, target, kind, lexical))
    return synsets, list(words), edges


def copy_field(text):
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


class Psql:
    """One psql session that is fed a script and asked for a line now and then."""

    def __init__(self, command):
        self.client = subprocess.Popen(
            command + ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def send(self, text):
        self.client.stdin.write(text)

    def copy(self, target, rows):
        self.send("COPY %s FROM STDIN;\n" % target)
        for row in rows:
            self.send("\t".join(copy_field(str(field)) for field in row) + "\n")
        self.send("\\.\n")

    def ask(self, query):
        """The first line of the answer to a query that returns one row."""
        self.send(query + ";\n")
        self.client.stdin.flush()
        line = self.client.stdout.readline()
        if not line:
            raise BrokenPipeError
        return line.rstrip("\n")

    def close(self):
        self.client.stdin.close()
        return self.client.wait()


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def stage(psql, graph, synsets, words, edges):
    """Copies the parsed files into temporary tables; nodes first, edges with the keys of their ends."""
    psql.send("BEGIN;\nSET LOCAL client_min_messages = warning;\n"
              "DROP TABLE IF EXISTS word_node;\n"
              "CREATE TEMP TABLE stage_node (n int PRIMARY KEY, key text, label text, props jsonb);\n"
              "CREATE TEMP TABLE stage_edge (n int PRIMARY KEY, src text, dst text, type text, props jsonb);\n"
              "CREATE TEMP TABLE node_of (key text PRIMARY KEY, node_id bigint);\n"
              "DO $$ BEGIN PERFORM ruvector_graph_create(%s); END $$;\n" % literal(graph))
    nodes = [("s:" + sid, "Synset", {"id": sid, "pos": pos, "gloss": gloss})
             for sid, (pos, gloss, _) in synsets.items()]
    nodes += [("w:" + lemma, "Word", {"lemma": lemma}) for lemma in words]
    psql.copy("stage_node", ((n, key, label, json.dumps(props))
                             for n, (key, label, props) in enumerate(nodes)))
    psql.copy("stage_edge", ((n, ("w:" if kind == "SENSE_OF" else "s:") + src, "s:" + dst, kind,
                              json.dumps(props)) for n, (src, dst, kind, props) in enumerate(edges)))
    psql.send("ANALYZE stage_node; ANALYZE stage_edge;\n")
    return len(nodes)


def add_in_batches(psql, what, total, statement):
    """Runs `statement` for [first, last) ranges of n; each run answers with the rows it added."""
    progress, done = Progress(what, total), 0
    for first in range(0, total, BATCH):
        done += int(psql.ask(statement % (first, min(first + BATCH, total))))
        progress.update(done)
    if done != total:
        raise ValueError("%s: %d rows of %d were added" % (what, done, total))
    progress.finish(done)


def load(folder, graph, command):
    synsets, words, edges = read_wordnet(folder)
    psql = Psql(command)
    try:
        nodes = stage(psql, graph, synsets, words, edges)
        add_in_batches(psql, "graph nodes", nodes,
                       "WITH added AS (INSERT INTO node_of SELECT key, ruvector_node_add(" +
                       literal(graph).replace("%", "%%") + ", ARRAY[label], props) FROM stage_node "
                       "WHERE n >= %d AND n < %d ORDER BY n RETURNING 1) SELECT count(*) FROM added")
        psql.send("ANALYZE node_of;\n"
                  "CREATE TEMP TABLE resolved AS SELECT e.n, s.node_id AS src, d.node_id AS dst, e.type,"
                  " e.props FROM stage_edge e JOIN node_of s ON s.key = e.src JOIN node_of d ON d.key = e.dst;\n"
                  "CREATE INDEX ON resolved (n);\nANALYZE resolved;\n")
        add_in_batches(psql, "graph edges", len(edges),
                       "SELECT count(ruvector_edge_add(" + literal(graph).replace("%", "%%") +
                       ", src, dst, type, props)) FROM (SELECT * FROM resolved WHERE n >= %d AND n < %d"
                       " ORDER BY n) batch")
        psql.send("CREATE TABLE word_node AS SELECT lower(substr(key, 3)) AS word, node_id,"
                  " substr(key, 3) AS lemma FROM node_of WHERE key LIKE 'w:%';\n"
                  "ALTER TABLE word_node ADD PRIMARY KEY (word, node_id);\nCOMMIT;\n"
                  "ANALYZE word_node;\n")
        if psql.close() != 0:
            raise BrokenPipeError
    except BrokenPipeError:
        psql.client.wait()
        sys.exit("load_wordnet: the load was rolled back (see the message above)")
    except BaseException:
        psql.client.kill()
        psql.client.wait()
        raise


def count(folder):
    """Prints what a complete graph holds: nodes and edges."""
    synsets, words, edges = read_wordnet(folder)
    print(len(synsets) + len(words), len(edges))


def main():
    words = sys.argv[1:]
    try:
        if len(words) > 4 and words[0] == "load" and words[3] == "--":
            load(words[1], words[2], words[4:])
        elif len(words) == 2 and words[0] == "count":
            count(words[1])
        else:
            sys.exit(__doc__)
    except (OSError, ValueError, KeyError, IndexError) as error:
        sys.exit("load_wordnet: %s: %s" % (type(error).__name__, error))
    except KeyboardInterrupt:
        sys.exit("load_wordnet: interrupted; nothing was loaded")


if __name__ == "__main__":
    main()
