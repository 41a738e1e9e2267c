CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" ("version_num") VALUES ('0004');
CREATE TABLE papers (
	id VARCHAR(40) NOT NULL, 
	kind VARCHAR(10) NOT NULL, 
	title TEXT NOT NULL, 
	former_titles TEXT NOT NULL, 
	authors TEXT NOT NULL, 
	submitted DATE NOT NULL, 
	updated DATE, 
	categories TEXT NOT NULL, 
	licence TEXT, 
	venue TEXT, 
	doi TEXT, 
	gist TEXT NOT NULL, 
	claims TEXT NOT NULL, 
	status VARCHAR(20) NOT NULL, 
	superseded_by VARCHAR(40), 
	CONSTRAINT pk_papers PRIMARY KEY (id), 
	CONSTRAINT ck_papers_kind CHECK (kind IN ('paper', 'survey')), 
	CONSTRAINT ck_papers_status CHECK (status IN ('active', 'withdrawn', 'superseded'))
);
INSERT INTO "papers" ("id", "kind", "title", "former_titles", "authors", "submitted", "updated", "categories", "licence", "venue", "doi", "gist", "claims", "status", "superseded_by") VALUES ('2603.00001', 'paper', 'A made-up study', '[]', '["Ada Example"]', '2026-03-02', NULL, '["cs.LG"]', NULL, NULL, NULL, 'In our own words, made up.', '[]', 'active', NULL);
INSERT INTO "papers" ("id", "kind", "title", "former_titles", "authors", "submitted", "updated", "categories", "licence", "venue", "doi", "gist", "claims", "status", "superseded_by") VALUES ('hep-th/9901001', 'survey', 'An old made-up survey 😀', '["Its first name"]', '["Ada Example"]', '2026-03-02', NULL, '["cs.LG"]', NULL, NULL, '10.1000/made.up', 'In our own words, made up.', '[{"id": "c1", "text": "nothing grows"}]', 'superseded', '2603.00001');
CREATE TABLE paper_leaves (
	paper_id VARCHAR(40) NOT NULL, 
	leaf VARCHAR(80) NOT NULL, 
	position INTEGER NOT NULL, 
	CONSTRAINT pk_paper_leaves PRIMARY KEY (paper_id, leaf), 
	CONSTRAINT fk_paper_leaves_paper_id_papers FOREIGN KEY(paper_id) REFERENCES papers (id)
);
INSERT INTO "paper_leaves" ("paper_id", "leaf", "position") VALUES ('2603.00001', 'fruit/apples', 0);
INSERT INTO "paper_leaves" ("paper_id", "leaf", "position") VALUES ('2603.00001', 'fruit/pears', 1);
CREATE TABLE methods (
	slug VARCHAR(60) NOT NULL, 
	name TEXT NOT NULL, 
	family VARCHAR(20) NOT NULL, 
	paper_id VARCHAR(40) NOT NULL, 
	summary TEXT NOT NULL, 
	status VARCHAR(20) NOT NULL, 
	CONSTRAINT pk_methods PRIMARY KEY (slug)
);
INSERT INTO "methods" ("slug", "name", "family", "paper_id", "summary", "status") VALUES ('dpo', 'DPO', 'preference', '2305.18290', 'made up', 'verified');
CREATE TABLE paper_methods (
	paper_id VARCHAR(40) NOT NULL, 
	method VARCHAR(60) NOT NULL, 
	relation VARCHAR(20) NOT NULL, 
	CONSTRAINT pk_paper_methods PRIMARY KEY (paper_id, method, relation), 
	CONSTRAINT ck_paper_methods_relation CHECK (relation IN ('introduces', 'uses', 'analyses')), 
	CONSTRAINT fk_paper_methods_paper_id_papers FOREIGN KEY(paper_id) REFERENCES papers (id)
);
INSERT INTO "paper_methods" ("paper_id", "method", "relation") VALUES ('2603.00001', 'dpo', 'uses');
CREATE TABLE preprints (
	id VARCHAR(40) NOT NULL, 
	newest INTEGER NOT NULL, 
	first_seen VARCHAR(32) NOT NULL, 
	last_seen VARCHAR(32) NOT NULL, stated BOOLEAN DEFAULT 1 NOT NULL, 
	CONSTRAINT pk_preprints PRIMARY KEY (id), 
	CONSTRAINT ck_preprints_newest CHECK (newest >= 1)
);
INSERT INTO "preprints" ("id", "newest", "first_seen", "last_seen", "stated") VALUES ('2603.00002', 3, '2026-03-02T09:30:00.000000+00:00', '2026-03-29T01:59:59.123456+00:00', 1);
INSERT INTO "preprints" ("id", "newest", "first_seen", "last_seen", "stated") VALUES ('2603.00003', 1, '2026-03-02T09:30:00.000000+00:00', '2026-03-02T09:30:00.000000+00:00', 1);
INSERT INTO "preprints" ("id", "newest", "first_seen", "last_seen", "stated") VALUES ('math/0611800', 2, '2026-03-02T09:30:00.000000+00:00', '2026-03-29T01:59:59.123456+00:00', 1);
CREATE TABLE versions (
	preprint_id VARCHAR(40) NOT NULL, 
	version INTEGER NOT NULL, 
	title TEXT NOT NULL, 
	abstract TEXT NOT NULL, 
	authors TEXT NOT NULL, 
	categories TEXT NOT NULL, 
	published VARCHAR(32) NOT NULL, 
	updated VARCHAR(32) NOT NULL, 
	comment TEXT, 
	journal_ref TEXT, 
	doi TEXT, 
	withdrawn TEXT, 
	seen_at VARCHAR(32) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_versions PRIMARY KEY (preprint_id, version), 
	CONSTRAINT ck_versions_version CHECK (version >= 1), 
	CONSTRAINT fk_versions_preprint_id_preprints FOREIGN KEY(preprint_id) REFERENCES preprints (id)
);
INSERT INTO "versions" ("preprint_id", "version", "title", "abstract", "authors", "categories", "published", "updated", "comment", "journal_ref", "doi", "withdrawn", "seen_at", "sha256") VALUES ('2603.00002', 1, 'An early name', 'We invent nothing and measure it twice.', '["Ada Example", "Bo Sample"]', '["cs.LG", "I.2.6", "68T07"]', '2026-03-02T09:30:00.000000+00:00', '2026-03-29T01:59:59.123456+00:00', NULL, NULL, NULL, NULL, '2026-03-29T01:59:59.123456+00:00', 'abababababababababababababababababababababababababababababababab');
INSERT INTO "versions" ("preprint_id", "version", "title", "abstract", "authors", "categories", "published", "updated", "comment", "journal_ref", "doi", "withdrawn", "seen_at", "sha256") VALUES ('2603.00002', 3, 'A later <name> & אב 0''', '', '["Ada Example", "Bo Sample"]', '["cs.LG", "I.2.6", "68T07"]', '2026-03-02T09:30:00.000000+00:00', '2026-03-29T01:59:59.123456+00:00', '9 pages', NULL, '10.1000/x', NULL, '2026-03-29T01:59:59.123456+00:00', 'abababababababababababababababababababababababababababababababab');
INSERT INTO "versions" ("preprint_id", "version", "title", "abstract", "authors", "categories", "published", "updated", "comment", "journal_ref", "doi", "withdrawn", "seen_at", "sha256") VALUES ('2603.00003', 1, '0', 'We invent nothing and measure it twice.', '["Person 0", "Person 1", "Person 2", "Person 3", "Person 4", "Person 5", "Person 6", "Person 7", "Person 8", "Person 9", "Person 10", "Person 11", "Person 12", "Person 13", "Person 14", "Person 15", "Person 16", "Person 17", "Person 18", "Person 19", "Person 20", "Person 21", "Person 22", "Person 23", "Person 24", "Person 25", "Person 26", "Person 27", "Person 28", "Person 29", "Person 30", "Person 31", "Person 32", "Person 33", "Person 34", "Person 35", "Person 36", "Person 37", "Person 38", "Person 39", "Person 40", "Person 41", "Person 42", "Person 43", "Person 44", "Person 45", "Person 46", "Person 47", "Person 48", "Person 49", "Person 50", "Person 51", "Person 52", "Person 53", "Person 54", "Person 55", "Person 56", "Person 57", "Person 58", "Person 59", "Person 60", "Person 61", "Person 62", "Person 63", "Person 64", "Person 65", "Person 66", "Person 67", "Person 68", "Person 69", "Person 70", "Person 71", "Person 72", "Person 73", "Person 74", "Person 75", "Person 76", "Person 77", "Person 78", "Person 79", "Person 80", "Person 81", "Person 82", "Person 83", "Person 84", "Person 85", "Person 86", "Person 87", "Person 88", "Person 89", "Person 90", "Person 91", "Person 92", "Person 93", "Person 94", "Person 95", "Person 96", "Person 97", "Person 98", "Person 99", "Person 100", "Person 101", "Person 102", "Person 103", "Person 104", "Person 105", "Person 106", "Person 107", "Person 108", "Person 109", "Person 110", "Person 111", "Person 112", "Person 113", "Person 114", "Person 115", "Person 116", "Person 117", "Person 118", "Person 119", "Person 120", "Person 121", "Person 122", "Person 123", "Person 124", "Person 125", "Person 126", "Person 127", "Person 128", "Person 129", "Person 130", "Person 131", "Person 132", "Person 133", "Person 134", "Person 135", "Person 136", "Person 137", "Person 138", "Person 139", "Person 140", "Person 141", "Person 142", "Person 143", "Person 144", "Person 145", "Person 146", "Person 147", "Person 148", "Person 149", "Person 150", "Person 151", "Person 152", "Person 153", "Person 154", "Person 155", "Person 156", "Person 157", "Person 158", "Person 159", "Person 160", "Person 161", "Person 162", "Person 163", "Person 164", "Person 165", "Person 166", "Person 167", "Person 168", "Person 169", "Person 170", "Person 171", "Person 172", "Person 173", "Person 174", "Person 175", "Person 176", "Person 177", "Person 178", "Person 179", "Person 180", "Person 181", "Person 182", "Person 183", "Person 184", "Person 185", "Person 186", "Person 187", "Person 188", "Person 189", "Person 190", "Person 191", "Person 192", "Person 193", "Person 194", "Person 195", "Person 196", "Person 197", "Person 198", "Person 199", "Person 200", "Person 201", "Person 202", "Person 203", "Person 204", "Person 205", "Person 206", "Person 207", "Person 208", "Person 209", "Person 210", "Person 211", "Person 212", "Person 213", "Person 214", "Person 215", "Person 216", "Person 217", "Person 218", "Person 219", "Person 220", "Person 221", "Person 222", "Person 223", "Person 224", "Person 225", "Person 226", "Person 227", "Person 228", "Person 229", "Person 230", "Person 231", "Person 232", "Person 233", "Person 234", "Person 235", "Person 236", "Person 237", "Person 238", "Person 239", "Person 240", "Person 241", "Person 242", "Person 243", "Person 244", "Person 245", "Person 246", "Person 247", "Person 248", "Person 249", "Person 250", "Person 251", "Person 252", "Person 253", "Person 254", "Person 255", "Person 256", "Person 257", "Person 258", "Person 259", "Person 260", "Person 261", "Person 262", "Person 263", "Person 264", "Person 265", "Person 266", "Person 267", "Person 268", "Person 269", "Person 270", "Person 271", "Person 272", "Person 273", "Person 274", "Person 275", "Person 276", "Person 277", "Person 278", "Person 279", "Person 280", "Person 281", "Person 282", "Person 283", "Person 284", "Person 285", "Person 286", "Person 287", "Person 288", "Person 289", "Person 290", "Person 291", "Person 292", "Person 293", "Person 294", "Person 295", "Person 296", "Person 297", "Person 298", "Person 299"]', '["cs.LG", "I.2.6", "68T07"]', '2026-03-02T09:30:00.000000+00:00', '2026-03-29T01:59:59.123456+00:00', NULL, NULL, NULL, NULL, '2026-03-29T01:59:59.123456+00:00', 'abababababababababababababababababababababababababababababababab');
INSERT INTO "versions" ("preprint_id", "version", "title", "abstract", "authors", "categories", "published", "updated", "comment", "journal_ref", "doi", "withdrawn", "seen_at", "sha256") VALUES ('math/0611800', 2, 'Gone', 'We invent nothing and measure it twice.', '["Ada Example", "Bo Sample"]', '["cs.LG", "I.2.6", "68T07"]', '2026-03-02T09:30:00.000000+00:00', '2026-03-29T01:59:59.123456+00:00', NULL, NULL, NULL, 'paper has been withdrawn', '2026-03-29T01:59:59.123456+00:00', 'abababababababababababababababababababababababababababababababab');
CREATE TABLE sightings (
	preprint_id VARCHAR(40) NOT NULL, 
	source_id INTEGER NOT NULL, 
	first_seen VARCHAR(32) NOT NULL, 
	last_seen VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_sightings PRIMARY KEY (preprint_id, source_id), 
	CONSTRAINT fk_sightings_preprint_id_preprints FOREIGN KEY(preprint_id) REFERENCES preprints (id), 
	CONSTRAINT fk_sightings_source_id_sources FOREIGN KEY(source_id) REFERENCES sources (id)
);
INSERT INTO "sightings" ("preprint_id", "source_id", "first_seen", "last_seen") VALUES ('2603.00002', 1, '2026-03-02T09:30:00.000000+00:00', '2026-03-29T01:59:59.123456+00:00');
INSERT INTO "sightings" ("preprint_id", "source_id", "first_seen", "last_seen") VALUES ('2603.00002', 2, '2026-03-02T09:30:00.000000+00:00', '2026-03-02T09:30:00.000000+00:00');
INSERT INTO "sightings" ("preprint_id", "source_id", "first_seen", "last_seen") VALUES ('2603.00003', 1, '2026-03-02T09:30:00.000000+00:00', '2026-03-02T09:30:00.000000+00:00');
INSERT INTO "sightings" ("preprint_id", "source_id", "first_seen", "last_seen") VALUES ('math/0611800', 1, '2026-03-02T09:30:00.000000+00:00', '2026-03-02T09:30:00.000000+00:00');
CREATE TABLE windows (
	id INTEGER NOT NULL, 
	source_id INTEGER NOT NULL, 
	start VARCHAR(32) NOT NULL, 
	"end" VARCHAR(32) NOT NULL, 
	status VARCHAR(10) NOT NULL, 
	total_reported INTEGER, 
	total_stored INTEGER, 
	attempts INTEGER NOT NULL, 
	next_try_at VARCHAR(32), 
	finished_at VARCHAR(32), 
	error TEXT, token TEXT, token_ends VARCHAR(32), responded VARCHAR(32), 
	CONSTRAINT pk_windows PRIMARY KEY (id), 
	CONSTRAINT ck_windows_status CHECK (status IN ('pending', 'fetching', 'done', 'suspect')), 
	CONSTRAINT fk_windows_source_id_sources FOREIGN KEY(source_id) REFERENCES sources (id), 
	CONSTRAINT uq_windows_source_id_start_end UNIQUE (source_id, start, "end")
);
INSERT INTO "windows" ("id", "source_id", "start", "end", "status", "total_reported", "total_stored", "attempts", "next_try_at", "finished_at", "error", "token", "token_ends", "responded") VALUES (1, 1, '2026-03-02T00:00:00.000000+00:00', '2026-03-09T00:00:00.000000+00:00', 'done', 2, 2, 0, NULL, '2026-03-29T01:59:59.123456+00:00', NULL, NULL, NULL, NULL);
INSERT INTO "windows" ("id", "source_id", "start", "end", "status", "total_reported", "total_stored", "attempts", "next_try_at", "finished_at", "error", "token", "token_ends", "responded") VALUES (2, 1, '2026-03-09T00:00:00.000000+00:00', '2026-03-16T00:00:00.000000+00:00', 'suspect', NULL, NULL, 2, '2026-03-29T01:59:59.123456+00:00', NULL, 'HTTP 500', NULL, NULL, NULL);
INSERT INTO "windows" ("id", "source_id", "start", "end", "status", "total_reported", "total_stored", "attempts", "next_try_at", "finished_at", "error", "token", "token_ends", "responded") VALUES (3, 1, '2026-03-16T00:00:00.000000+00:00', '2026-03-23T00:00:00.000000+00:00', 'fetching', NULL, NULL, 1, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO "windows" ("id", "source_id", "start", "end", "status", "total_reported", "total_stored", "attempts", "next_try_at", "finished_at", "error", "token", "token_ends", "responded") VALUES (4, 1, '2026-03-23T00:00:00.000000+00:00', '2026-03-30T00:00:00.000000+00:00', 'pending', NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE fetches (
	id INTEGER NOT NULL, 
	source_id INTEGER NOT NULL, 
	url TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	status INTEGER, 
	bytes INTEGER NOT NULL, 
	sha256 VARCHAR(64), 
	feed_title TEXT, 
	total INTEGER, 
	entries INTEGER, 
	error TEXT, 
	CONSTRAINT pk_fetches PRIMARY KEY (id), 
	CONSTRAINT fk_fetches_source_id_sources FOREIGN KEY(source_id) REFERENCES sources (id)
);
INSERT INTO "fetches" ("id", "source_id", "url", "at", "status", "bytes", "sha256", "feed_title", "total", "entries", "error") VALUES (1, 1, 'https://arxiv.invalid/api/query?start=0', '2026-03-02T09:30:00.000000+00:00', 200, 5120, 'abababababababababababababababababababababababababababababababab', 'arXiv Query: cat:cs.LG', 2, 2, NULL);
INSERT INTO "fetches" ("id", "source_id", "url", "at", "status", "bytes", "sha256", "feed_title", "total", "entries", "error") VALUES (2, 1, 'https://arxiv.invalid/api/query?start=0', '2026-03-29T01:59:59.123456+00:00', 500, 0, NULL, NULL, NULL, NULL, 'HTTP 500');
CREATE TABLE runs (
	run_id VARCHAR(100) NOT NULL, 
	method VARCHAR(60) NOT NULL, 
	status VARCHAR(20) NOT NULL, 
	folder TEXT NOT NULL, 
	started VARCHAR(32) NOT NULL, 
	measure TEXT, 
	"before" FLOAT, 
	"after" FLOAT, 
	CONSTRAINT pk_runs PRIMARY KEY (run_id)
);
INSERT INTO "runs" ("run_id", "method", "status", "folder", "started", "measure", "before", "after") VALUES ('dpo-20260302', 'dpo', 'done', 'runs/dpo-20260302', '2026-03-02T09:30:00.000000+00:00', 'accuracy', 0.25, 0.5);
CREATE TABLE meta (
	"key" VARCHAR(40) NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_meta PRIMARY KEY ("key")
);
INSERT INTO "meta" ("key", "value") VALUES ('kept', 'yes');
CREATE TABLE "sources" (
	id INTEGER NOT NULL, 
	kind VARCHAR(10) NOT NULL, 
	"query" TEXT NOT NULL, 
	query_sha256 VARCHAR(64) NOT NULL, 
	created VARCHAR(32) NOT NULL, state TEXT, 
	CONSTRAINT pk_sources PRIMARY KEY (id), 
	CONSTRAINT uq_sources_kind_query_sha256 UNIQUE (kind, query_sha256), 
	CONSTRAINT ck_sources_kind CHECK (kind IN ('query', 'ids', 'file', 'oai', 'rss', 'list'))
);
INSERT INTO "sources" ("id", "kind", "query", "query_sha256", "created", "state") VALUES (1, 'query', 'cat:cs.LG', 'abababababababababababababababababababababababababababababababab', '2026-03-02T09:30:00.000000+00:00', NULL);
INSERT INTO "sources" ("id", "kind", "query", "query_sha256", "created", "state") VALUES (2, 'ids', 'named ids', 'abababababababababababababababababababababababababababababababab', '2026-03-29T01:59:59.123456+00:00', NULL);
CREATE TABLE "events" (
	preprint_id VARCHAR(40) NOT NULL, 
	version INTEGER NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	detail TEXT NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (preprint_id, version, kind), 
	CONSTRAINT fk_events_preprint_id_preprints FOREIGN KEY(preprint_id) REFERENCES preprints (id), 
	CONSTRAINT ck_events_kind CHECK (kind IN ('title', 'abstract', 'withdrawn', 'restored', 'primary', 'gap', 'deleted', 'unseen'))
);
INSERT INTO "events" ("preprint_id", "version", "kind", "at", "detail") VALUES ('2603.00002', 3, 'title', '2026-03-29T01:59:59.123456+00:00', '{"from": "An early name", "to": "A later name"}');
INSERT INTO "events" ("preprint_id", "version", "kind", "at", "detail") VALUES ('math/0611800', 2, 'withdrawn', '2026-03-29T01:59:59.123456+00:00', '{"evidence": "paper has been withdrawn"}');
CREATE TABLE revisions (
	preprint_id VARCHAR(40) NOT NULL, 
	version INTEGER NOT NULL, 
	submitted VARCHAR(32), 
	kilobytes INTEGER, 
	source_type VARCHAR(10), 
	licence TEXT, 
	CONSTRAINT pk_revisions PRIMARY KEY (preprint_id, version), 
	CONSTRAINT ck_revisions_version CHECK (version >= 1), 
	CONSTRAINT fk_revisions_preprint_id_preprints FOREIGN KEY(preprint_id) REFERENCES preprints (id)
);
INSERT INTO "revisions" ("preprint_id", "version", "submitted", "kilobytes", "source_type", "licence") VALUES ('2603.00002', 1, '2026-03-02T09:30:00.000000+00:00', 1, 'made up', 'made up');
CREATE TABLE primaries (
	preprint_id VARCHAR(40) NOT NULL, 
	version INTEGER NOT NULL, 
	category VARCHAR(40) NOT NULL, 
	last_seen VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_primaries PRIMARY KEY (preprint_id, version, category), 
	CONSTRAINT fk_primaries_preprint_id_preprints FOREIGN KEY(preprint_id) REFERENCES preprints (id)
);
INSERT INTO "primaries" ("preprint_id", "version", "category", "last_seen") VALUES ('2603.00002', 1, 'made up', '2026-03-02T09:30:00.000000+00:00');
CREATE TABLE absences (
	preprint_id VARCHAR(40) NOT NULL, 
	kind VARCHAR(10) NOT NULL, 
	since VARCHAR(32) NOT NULL, 
	last VARCHAR(32) NOT NULL, 
	times INTEGER NOT NULL, 
	CONSTRAINT pk_absences PRIMARY KEY (preprint_id, kind), 
	CONSTRAINT ck_absences_kind CHECK (kind IN ('deleted', 'unseen'))
);
INSERT INTO "absences" ("preprint_id", "kind", "since", "last", "times") VALUES ('made up', 'deleted', '2026-03-02T09:30:00.000000+00:00', '2026-03-02T09:30:00.000000+00:00', 1);
CREATE TABLE announcements (
	source_id INTEGER NOT NULL, 
	preprint_id VARCHAR(40) NOT NULL, 
	version INTEGER NOT NULL, 
	announce_type VARCHAR(20) NOT NULL, 
	announced DATE NOT NULL, 
	first_seen VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_announcements PRIMARY KEY (source_id, preprint_id, version, announce_type), 
	CONSTRAINT ck_announcements_announce_type CHECK (announce_type IN ('new', 'cross', 'replace', 'replace-cross', 'absonly')), 
	CONSTRAINT fk_announcements_source_id_sources FOREIGN KEY(source_id) REFERENCES sources (id)
);
INSERT INTO "announcements" ("source_id", "preprint_id", "version", "announce_type", "announced", "first_seen") VALUES (1, 'made up', 1, 'new', '2026-03-02', '2026-03-02T09:30:00.000000+00:00');
CREATE TABLE notices (
	preprint_id VARCHAR(40) NOT NULL, 
	version INTEGER NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	noticed VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_notices PRIMARY KEY (preprint_id, version, kind)
);
INSERT INTO "notices" ("preprint_id", "version", "kind", "noticed") VALUES ('made up', 1, 'made up', '2026-03-02T09:30:00.000000+00:00');
CREATE TABLE match_keys (
	ref VARCHAR(60) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	doi TEXT, 
	title VARCHAR(32), 
	year INTEGER NOT NULL, 
	CONSTRAINT pk_match_keys PRIMARY KEY (ref)
);
INSERT INTO "match_keys" ("ref", "sha256", "doi", "title", "year") VALUES ('made up', 'made up', 'made up', 'made up', 1);
CREATE TABLE duplicates (
	one VARCHAR(40) NOT NULL, 
	other VARCHAR(40) NOT NULL, 
	reason VARCHAR(10) NOT NULL, 
	detail TEXT NOT NULL, 
	found_at VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_duplicates PRIMARY KEY (one, other, reason), 
	CONSTRAINT ck_duplicates_reason CHECK (reason IN ('doi', 'title'))
);
INSERT INTO "duplicates" ("one", "other", "reason", "detail", "found_at") VALUES ('made up', 'made up', 'doi', '["made up"]', '2026-03-02T09:30:00.000000+00:00');
CREATE TABLE decisions (
	id INTEGER NOT NULL, 
	preprint_id VARCHAR(40) NOT NULL, 
	decision VARCHAR(10) NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	reason TEXT, 
	detail TEXT NOT NULL, 
	uid VARCHAR(32) NOT NULL, 
	reviewer VARCHAR(80), 
	undoes INTEGER, 
	CONSTRAINT pk_decisions PRIMARY KEY (id), 
	CONSTRAINT ck_decisions_decision CHECK (decision IN ('accept', 'reject', 'maybe', 'duplicate', 'retag', 'skip', 'undo')), 
	CONSTRAINT ck_decisions_undoes CHECK ((decision = 'undo') = (undoes IS NOT NULL)), 
	CONSTRAINT fk_decisions_preprint_id_preprints FOREIGN KEY(preprint_id) REFERENCES preprints (id), 
	CONSTRAINT fk_decisions_undoes_decisions FOREIGN KEY(undoes) REFERENCES decisions (id), 
	CONSTRAINT uq_decisions_uid UNIQUE (uid), 
	CONSTRAINT uq_decisions_undoes UNIQUE (undoes)
);
INSERT INTO "decisions" ("id", "preprint_id", "decision", "at", "reason", "detail", "uid", "reviewer", "undoes") VALUES (1, '2603.00003', 'reject', '2026-03-02T09:30:00.000000+00:00', 'off topic', '{}', '1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a', NULL, NULL);
INSERT INTO "decisions" ("id", "preprint_id", "decision", "at", "reason", "detail", "uid", "reviewer", "undoes") VALUES (2, '2603.00003', 'accept', '2026-03-29T01:59:59.123456+00:00', NULL, '{"leaf": "fruit/apples"}', '2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b', NULL, NULL);
CREATE TABLE passes (
	id INTEGER NOT NULL, 
	reviewer VARCHAR(80) NOT NULL, 
	"after" INTEGER NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_passes PRIMARY KEY (id)
);
INSERT INTO "passes" ("id", "reviewer", "after", "at") VALUES (1, 'made up', 1, '2026-03-02T09:30:00.000000+00:00');
CREATE TABLE documents (
	id INTEGER NOT NULL, 
	kind VARCHAR(10) NOT NULL, 
	ref VARCHAR(60) NOT NULL, 
	status VARCHAR(20) NOT NULL, 
	title TEXT NOT NULL, 
	submitted VARCHAR(32), 
	updated VARCHAR(32), 
	digest BIGINT NOT NULL, 
	CONSTRAINT pk_documents PRIMARY KEY (id), 
	CONSTRAINT ck_documents_kind CHECK (kind IN ('paper', 'method', 'candidate')), 
	CONSTRAINT uq_documents_kind_ref UNIQUE (kind, ref)
);
CREATE TABLE document_tags (
	tag VARCHAR(80) NOT NULL, 
	status VARCHAR(20) NOT NULL, 
	submitted VARCHAR(32) NOT NULL, 
	ref VARCHAR(60) NOT NULL, 
	updated VARCHAR(32) NOT NULL, 
	document_id INTEGER NOT NULL, 
	CONSTRAINT pk_document_tags PRIMARY KEY (tag, status, submitted, ref)
)
 WITHOUT ROWID

;
CREATE TABLE unindexed (
	ref VARCHAR(60) NOT NULL, 
	CONSTRAINT pk_unindexed PRIMARY KEY (ref)
);
INSERT INTO "unindexed" ("ref") VALUES ('2603.00001');
INSERT INTO "unindexed" ("ref") VALUES ('2603.00002');
INSERT INTO "unindexed" ("ref") VALUES ('2603.00003');
CREATE TABLE segments (
	id INTEGER NOT NULL, 
	kind VARCHAR(10) NOT NULL, 
	low INTEGER NOT NULL, 
	high INTEGER NOT NULL, 
	documents INTEGER NOT NULL, 
	buried BLOB NOT NULL, 
	CONSTRAINT pk_segments PRIMARY KEY (id)
);
CREATE TABLE postings (
	segment_id INTEGER NOT NULL, 
	first BIGINT NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_postings PRIMARY KEY (segment_id, first), 
	CONSTRAINT fk_postings_segment_id_segments FOREIGN KEY(segment_id) REFERENCES segments (id)
);
CREATE TABLE citations (
	citing VARCHAR(40) NOT NULL, 
	cited VARCHAR(40) NOT NULL, 
	source VARCHAR(20) NOT NULL, 
	CONSTRAINT pk_citations PRIMARY KEY (citing, cited, source)
);
INSERT INTO "citations" ("citing", "cited", "source") VALUES ('made up', 'made up', 'made up');
CREATE TABLE citation_answers (
	paper_id VARCHAR(40) NOT NULL, 
	source VARCHAR(20) NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	known BOOLEAN NOT NULL, 
	CONSTRAINT pk_citation_answers PRIMARY KEY (paper_id, source)
);
INSERT INTO "citation_answers" ("paper_id", "source", "at", "known") VALUES ('made up', 'made up', '2026-03-02T09:30:00.000000+00:00', 1);
CREATE INDEX ix_paper_leaves_leaf ON paper_leaves (leaf);
CREATE INDEX ix_runs_method ON runs (method);
CREATE INDEX ix_match_keys_doi ON match_keys (doi);
CREATE INDEX ix_match_keys_title ON match_keys (title);
CREATE INDEX ix_decisions_preprint_id ON decisions (preprint_id);
CREATE INDEX ix_documents_submitted ON documents (status, submitted, ref);
CREATE INDEX ix_documents_updated ON documents (status, updated, ref);
CREATE INDEX ix_document_tags_updated ON document_tags (tag, status, updated, ref);
CREATE INDEX ix_document_tags_document_id ON document_tags (document_id);
CREATE INDEX ix_citations_cited ON citations (cited);
CREATE TRIGGER fetches_no_update BEFORE UPDATE ON fetches BEGIN SELECT RAISE(ABORT, 'fetches is append-only'); END;
CREATE TRIGGER fetches_no_delete BEFORE DELETE ON fetches BEGIN SELECT RAISE(ABORT, 'fetches is append-only'); END;
CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, 'decisions is append-only'); END;
CREATE TRIGGER decisions_no_delete BEFORE DELETE ON decisions BEGIN SELECT RAISE(ABORT, 'decisions is append-only'); END;
CREATE TRIGGER passes_no_update BEFORE UPDATE ON passes BEGIN SELECT RAISE(ABORT, 'passes is append-only'); END;
CREATE TRIGGER passes_no_delete BEFORE DELETE ON passes BEGIN SELECT RAISE(ABORT, 'passes is append-only'); END;
