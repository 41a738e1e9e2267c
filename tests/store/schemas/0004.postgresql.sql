SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.absences (
    preprint_id character varying(40) NOT NULL,
    kind character varying(10) NOT NULL,
    since timestamp with time zone NOT NULL,
    last timestamp with time zone NOT NULL,
    times integer NOT NULL,
    CONSTRAINT ck_absences_kind CHECK (((kind)::text = ANY ((ARRAY['deleted'::character varying, 'unseen'::character varying])::text[])))
);
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.announcements (
    source_id integer NOT NULL,
    preprint_id character varying(40) NOT NULL,
    version integer NOT NULL,
    announce_type character varying(20) NOT NULL,
    announced date NOT NULL,
    first_seen timestamp with time zone NOT NULL,
    CONSTRAINT ck_announcements_announce_type CHECK (((announce_type)::text = ANY ((ARRAY['new'::character varying, 'cross'::character varying, 'replace'::character varying, 'replace-cross'::character varying, 'absonly'::character varying])::text[])))
);
CREATE TABLE public.citation_answers (
    paper_id character varying(40) NOT NULL,
    source character varying(20) NOT NULL,
    at timestamp with time zone NOT NULL,
    known boolean NOT NULL
);
CREATE TABLE public.citations (
    citing character varying(40) NOT NULL,
    cited character varying(40) NOT NULL,
    source character varying(20) NOT NULL
);
CREATE TABLE public.decisions (
    id integer NOT NULL,
    preprint_id character varying(40) NOT NULL,
    decision character varying(10) NOT NULL,
    at timestamp with time zone NOT NULL,
    reason text,
    detail text NOT NULL,
    uid character varying(32) NOT NULL,
    reviewer character varying(80),
    undoes integer,
    CONSTRAINT ck_decisions_decision CHECK (((decision)::text = ANY ((ARRAY['accept'::character varying, 'reject'::character varying, 'maybe'::character varying, 'duplicate'::character varying, 'retag'::character varying, 'skip'::character varying, 'undo'::character varying])::text[]))),
    CONSTRAINT ck_decisions_undoes CHECK ((((decision)::text = 'undo'::text) = (undoes IS NOT NULL)))
);
CREATE SEQUENCE public.decisions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.decisions_id_seq OWNED BY public.decisions.id;
CREATE TABLE public.document_tags (
    tag character varying(80) NOT NULL,
    status character varying(20) NOT NULL,
    submitted timestamp with time zone NOT NULL,
    ref character varying(60) NOT NULL,
    updated timestamp with time zone NOT NULL,
    document_id integer NOT NULL
);
CREATE TABLE public.documents (
    id integer NOT NULL,
    kind character varying(10) NOT NULL,
    ref character varying(60) NOT NULL,
    status character varying(20) NOT NULL,
    title text NOT NULL,
    submitted timestamp with time zone,
    updated timestamp with time zone,
    digest bigint NOT NULL,
    CONSTRAINT ck_documents_kind CHECK (((kind)::text = ANY ((ARRAY['paper'::character varying, 'method'::character varying, 'candidate'::character varying])::text[])))
);
CREATE TABLE public.duplicates (
    one character varying(40) NOT NULL,
    other character varying(40) NOT NULL,
    reason character varying(10) NOT NULL,
    detail text NOT NULL,
    found_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_duplicates_reason CHECK (((reason)::text = ANY ((ARRAY['doi'::character varying, 'title'::character varying])::text[])))
);
CREATE TABLE public.events (
    preprint_id character varying(40) NOT NULL,
    version integer NOT NULL,
    kind character varying(20) NOT NULL,
    at timestamp with time zone NOT NULL,
    detail text NOT NULL,
    CONSTRAINT ck_events_kind CHECK (((kind)::text = ANY ((ARRAY['title'::character varying, 'abstract'::character varying, 'withdrawn'::character varying, 'restored'::character varying, 'primary'::character varying, 'gap'::character varying, 'deleted'::character varying, 'unseen'::character varying])::text[])))
);
CREATE TABLE public.fetches (
    id integer NOT NULL,
    source_id integer NOT NULL,
    url text NOT NULL,
    at timestamp with time zone NOT NULL,
    status integer,
    bytes integer NOT NULL,
    sha256 character varying(64),
    feed_title text,
    total integer,
    entries integer,
    error text
);
CREATE SEQUENCE public.fetches_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.fetches_id_seq OWNED BY public.fetches.id;
CREATE TABLE public.match_keys (
    ref character varying(60) NOT NULL,
    sha256 character varying(64) NOT NULL,
    doi text,
    title character varying(32),
    year integer NOT NULL
);
CREATE TABLE public.meta (
    key character varying(40) NOT NULL,
    value text NOT NULL
);
CREATE TABLE public.methods (
    slug character varying(60) NOT NULL,
    name text NOT NULL,
    family character varying(20) NOT NULL,
    paper_id character varying(40) NOT NULL,
    summary text NOT NULL,
    status character varying(20) NOT NULL
);
CREATE TABLE public.notices (
    preprint_id character varying(40) NOT NULL,
    version integer NOT NULL,
    kind character varying(20) NOT NULL,
    noticed timestamp with time zone NOT NULL
);
CREATE TABLE public.paper_leaves (
    paper_id character varying(40) NOT NULL,
    leaf character varying(80) NOT NULL,
    "position" integer NOT NULL
);
CREATE TABLE public.paper_methods (
    paper_id character varying(40) NOT NULL,
    method character varying(60) NOT NULL,
    relation character varying(20) NOT NULL,
    CONSTRAINT ck_paper_methods_relation CHECK (((relation)::text = ANY ((ARRAY['introduces'::character varying, 'uses'::character varying, 'analyses'::character varying])::text[])))
);
CREATE TABLE public.papers (
    id character varying(40) NOT NULL,
    kind character varying(10) NOT NULL,
    title text NOT NULL,
    former_titles text NOT NULL,
    authors text NOT NULL,
    submitted date NOT NULL,
    updated date,
    categories text NOT NULL,
    licence text,
    venue text,
    doi text,
    gist text NOT NULL,
    claims text NOT NULL,
    status character varying(20) NOT NULL,
    superseded_by character varying(40),
    CONSTRAINT ck_papers_kind CHECK (((kind)::text = ANY ((ARRAY['paper'::character varying, 'survey'::character varying])::text[]))),
    CONSTRAINT ck_papers_status CHECK (((status)::text = ANY ((ARRAY['active'::character varying, 'withdrawn'::character varying, 'superseded'::character varying])::text[])))
);
CREATE TABLE public.passes (
    id integer NOT NULL,
    reviewer character varying(80) NOT NULL,
    after integer NOT NULL,
    at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.passes_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.passes_id_seq OWNED BY public.passes.id;
CREATE TABLE public.postings (
    segment_id integer NOT NULL,
    first bigint NOT NULL,
    data bytea NOT NULL
);
CREATE TABLE public.preprints (
    id character varying(40) NOT NULL,
    newest integer NOT NULL,
    first_seen timestamp with time zone NOT NULL,
    last_seen timestamp with time zone NOT NULL,
    stated boolean DEFAULT true NOT NULL,
    CONSTRAINT ck_preprints_newest CHECK ((newest >= 1))
);
CREATE TABLE public.primaries (
    preprint_id character varying(40) NOT NULL,
    version integer NOT NULL,
    category character varying(40) NOT NULL,
    last_seen timestamp with time zone NOT NULL
);
CREATE TABLE public.revisions (
    preprint_id character varying(40) NOT NULL,
    version integer NOT NULL,
    submitted timestamp with time zone,
    kilobytes integer,
    source_type character varying(10),
    licence text,
    CONSTRAINT ck_revisions_version CHECK ((version >= 1))
);
CREATE TABLE public.runs (
    run_id character varying(100) NOT NULL,
    method character varying(60) NOT NULL,
    status character varying(20) NOT NULL,
    folder text NOT NULL,
    started timestamp with time zone NOT NULL,
    measure text,
    before double precision,
    after double precision
);
CREATE TABLE public.segments (
    id integer NOT NULL,
    kind character varying(10) NOT NULL,
    low integer NOT NULL,
    high integer NOT NULL,
    documents integer NOT NULL,
    buried bytea NOT NULL
);
CREATE SEQUENCE public.segments_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.segments_id_seq OWNED BY public.segments.id;
CREATE TABLE public.sightings (
    preprint_id character varying(40) NOT NULL,
    source_id integer NOT NULL,
    first_seen timestamp with time zone NOT NULL,
    last_seen timestamp with time zone NOT NULL
);
CREATE TABLE public.sources (
    id integer NOT NULL,
    kind character varying(10) NOT NULL,
    query text NOT NULL,
    query_sha256 character varying(64) NOT NULL,
    created timestamp with time zone NOT NULL,
    state text,
    CONSTRAINT ck_sources_kind CHECK (((kind)::text = ANY ((ARRAY['query'::character varying, 'ids'::character varying, 'file'::character varying, 'oai'::character varying, 'rss'::character varying, 'list'::character varying])::text[])))
);
CREATE SEQUENCE public.sources_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.sources_id_seq OWNED BY public.sources.id;
CREATE TABLE public.unindexed (
    ref character varying(60) NOT NULL
);
CREATE TABLE public.versions (
    preprint_id character varying(40) NOT NULL,
    version integer NOT NULL,
    title text NOT NULL,
    abstract text NOT NULL,
    authors text NOT NULL,
    categories text NOT NULL,
    published timestamp with time zone NOT NULL,
    updated timestamp with time zone NOT NULL,
    comment text,
    journal_ref text,
    doi text,
    withdrawn text,
    seen_at timestamp with time zone NOT NULL,
    sha256 character varying(64) NOT NULL,
    CONSTRAINT ck_versions_version CHECK ((version >= 1))
);
CREATE TABLE public.windows (
    id integer NOT NULL,
    source_id integer NOT NULL,
    start timestamp with time zone NOT NULL,
    "end" timestamp with time zone NOT NULL,
    status character varying(10) NOT NULL,
    total_reported integer,
    total_stored integer,
    attempts integer NOT NULL,
    next_try_at timestamp with time zone,
    finished_at timestamp with time zone,
    error text,
    token text,
    token_ends timestamp with time zone,
    responded timestamp with time zone,
    CONSTRAINT ck_windows_status CHECK (((status)::text = ANY ((ARRAY['pending'::character varying, 'fetching'::character varying, 'done'::character varying, 'suspect'::character varying])::text[])))
);
CREATE SEQUENCE public.windows_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.windows_id_seq OWNED BY public.windows.id;
ALTER TABLE ONLY public.decisions ALTER COLUMN id SET DEFAULT nextval('public.decisions_id_seq'::regclass);
ALTER TABLE ONLY public.fetches ALTER COLUMN id SET DEFAULT nextval('public.fetches_id_seq'::regclass);
ALTER TABLE ONLY public.passes ALTER COLUMN id SET DEFAULT nextval('public.passes_id_seq'::regclass);
ALTER TABLE ONLY public.segments ALTER COLUMN id SET DEFAULT nextval('public.segments_id_seq'::regclass);
ALTER TABLE ONLY public.sources ALTER COLUMN id SET DEFAULT nextval('public.sources_id_seq'::regclass);
ALTER TABLE ONLY public.windows ALTER COLUMN id SET DEFAULT nextval('public.windows_id_seq'::regclass);
INSERT INTO public.absences VALUES ('made up', 'deleted', '2026-03-02 09:30:00+00', '2026-03-02 09:30:00+00', 1);
INSERT INTO public.alembic_version VALUES ('0004');
INSERT INTO public.announcements VALUES (1, 'made up', 1, 'new', '2026-03-02', '2026-03-02 09:30:00+00');
INSERT INTO public.citation_answers VALUES ('made up', 'made up', '2026-03-02 09:30:00+00', true);
INSERT INTO public.citations VALUES ('made up', 'made up', 'made up');
INSERT INTO public.decisions VALUES (1, '2603.00003', 'reject', '2026-03-02 09:30:00+00', 'off topic', '{}', '1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a', NULL, NULL);
INSERT INTO public.decisions VALUES (2, '2603.00003', 'accept', '2026-03-29 01:59:59.123456+00', NULL, '{"leaf": "fruit/apples"}', '2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b', NULL, NULL);
INSERT INTO public.duplicates VALUES ('made up', 'made up', 'doi', '["made up"]', '2026-03-02 09:30:00+00');
INSERT INTO public.events VALUES ('2603.00002', 3, 'title', '2026-03-29 01:59:59.123456+00', '{"from": "An early name", "to": "A later name"}');
INSERT INTO public.events VALUES ('math/0611800', 2, 'withdrawn', '2026-03-29 01:59:59.123456+00', '{"evidence": "paper has been withdrawn"}');
INSERT INTO public.fetches VALUES (1, 1, 'https://arxiv.invalid/api/query?start=0', '2026-03-02 09:30:00+00', 200, 5120, 'abababababababababababababababababababababababababababababababab', 'arXiv Query: cat:cs.LG', 2, 2, NULL);
INSERT INTO public.fetches VALUES (2, 1, 'https://arxiv.invalid/api/query?start=0', '2026-03-29 01:59:59.123456+00', 500, 0, NULL, NULL, NULL, NULL, 'HTTP 500');
INSERT INTO public.match_keys VALUES ('made up', 'made up', 'made up', 'made up', 1);
INSERT INTO public.meta VALUES ('kept', 'yes');
INSERT INTO public.methods VALUES ('dpo', 'DPO', 'preference', '2305.18290', 'made up', 'verified');
INSERT INTO public.notices VALUES ('made up', 1, 'made up', '2026-03-02 09:30:00+00');
INSERT INTO public.paper_leaves VALUES ('2603.00001', 'fruit/apples', 0);
INSERT INTO public.paper_leaves VALUES ('2603.00001', 'fruit/pears', 1);
INSERT INTO public.paper_methods VALUES ('2603.00001', 'dpo', 'uses');
INSERT INTO public.papers VALUES ('2603.00001', 'paper', 'A made-up study', '[]', '["Ada Example"]', '2026-03-02', NULL, '["cs.LG"]', NULL, NULL, NULL, 'In our own words, made up.', '[]', 'active', NULL);
INSERT INTO public.papers VALUES ('hep-th/9901001', 'survey', 'An old made-up survey 😀', '["Its first name"]', '["Ada Example"]', '2026-03-02', NULL, '["cs.LG"]', NULL, NULL, '10.1000/made.up', 'In our own words, made up.', '[{"id": "c1", "text": "nothing grows"}]', 'superseded', '2603.00001');
INSERT INTO public.passes VALUES (1, 'made up', 1, '2026-03-02 09:30:00+00');
INSERT INTO public.preprints VALUES ('2603.00002', 3, '2026-03-02 09:30:00+00', '2026-03-29 01:59:59.123456+00', true);
INSERT INTO public.preprints VALUES ('2603.00003', 1, '2026-03-02 09:30:00+00', '2026-03-02 09:30:00+00', true);
INSERT INTO public.preprints VALUES ('math/0611800', 2, '2026-03-02 09:30:00+00', '2026-03-29 01:59:59.123456+00', true);
INSERT INTO public.primaries VALUES ('2603.00002', 1, 'made up', '2026-03-02 09:30:00+00');
INSERT INTO public.revisions VALUES ('2603.00002', 1, '2026-03-02 09:30:00+00', 1, 'made up', 'made up');
INSERT INTO public.runs VALUES ('dpo-20260302', 'dpo', 'done', 'runs/dpo-20260302', '2026-03-02 09:30:00+00', 'accuracy', 0.25, 0.5);
INSERT INTO public.sightings VALUES ('2603.00002', 1, '2026-03-02 09:30:00+00', '2026-03-29 01:59:59.123456+00');
INSERT INTO public.sightings VALUES ('2603.00002', 2, '2026-03-02 09:30:00+00', '2026-03-02 09:30:00+00');
INSERT INTO public.sightings VALUES ('2603.00003', 1, '2026-03-02 09:30:00+00', '2026-03-02 09:30:00+00');
INSERT INTO public.sightings VALUES ('math/0611800', 1, '2026-03-02 09:30:00+00', '2026-03-02 09:30:00+00');
INSERT INTO public.sources VALUES (1, 'query', 'cat:cs.LG', 'abababababababababababababababababababababababababababababababab', '2026-03-02 09:30:00+00', NULL);
INSERT INTO public.sources VALUES (2, 'ids', 'named ids', 'abababababababababababababababababababababababababababababababab', '2026-03-29 01:59:59.123456+00', NULL);
INSERT INTO public.unindexed VALUES ('2603.00001');
INSERT INTO public.unindexed VALUES ('2603.00002');
INSERT INTO public.unindexed VALUES ('2603.00003');
INSERT INTO public.versions VALUES ('2603.00002', 1, 'An early name', 'We invent nothing and measure it twice.', '["Ada Example", "Bo Sample"]', '["cs.LG", "I.2.6", "68T07"]', '2026-03-02 09:30:00+00', '2026-03-29 01:59:59.123456+00', NULL, NULL, NULL, NULL, '2026-03-29 01:59:59.123456+00', 'abababababababababababababababababababababababababababababababab');
INSERT INTO public.versions VALUES ('2603.00002', 3, 'A later <name> & אב 0''', '', '["Ada Example", "Bo Sample"]', '["cs.LG", "I.2.6", "68T07"]', '2026-03-02 09:30:00+00', '2026-03-29 01:59:59.123456+00', '9 pages', NULL, '10.1000/x', NULL, '2026-03-29 01:59:59.123456+00', 'abababababababababababababababababababababababababababababababab');
INSERT INTO public.versions VALUES ('2603.00003', 1, '0', 'We invent nothing and measure it twice.', '["Person 0", "Person 1", "Person 2", "Person 3", "Person 4", "Person 5", "Person 6", "Person 7", "Person 8", "Person 9", "Person 10", "Person 11", "Person 12", "Person 13", "Person 14", "Person 15", "Person 16", "Person 17", "Person 18", "Person 19", "Person 20", "Person 21", "Person 22", "Person 23", "Person 24", "Person 25", "Person 26", "Person 27", "Person 28", "Person 29", "Person 30", "Person 31", "Person 32", "Person 33", "Person 34", "Person 35", "Person 36", "Person 37", "Person 38", "Person 39", "Person 40", "Person 41", "Person 42", "Person 43", "Person 44", "Person 45", "Person 46", "Person 47", "Person 48", "Person 49", "Person 50", "Person 51", "Person 52", "Person 53", "Person 54", "Person 55", "Person 56", "Person 57", "Person 58", "Person 59", "Person 60", "Person 61", "Person 62", "Person 63", "Person 64", "Person 65", "Person 66", "Person 67", "Person 68", "Person 69", "Person 70", "Person 71", "Person 72", "Person 73", "Person 74", "Person 75", "Person 76", "Person 77", "Person 78", "Person 79", "Person 80", "Person 81", "Person 82", "Person 83", "Person 84", "Person 85", "Person 86", "Person 87", "Person 88", "Person 89", "Person 90", "Person 91", "Person 92", "Person 93", "Person 94", "Person 95", "Person 96", "Person 97", "Person 98", "Person 99", "Person 100", "Person 101", "Person 102", "Person 103", "Person 104", "Person 105", "Person 106", "Person 107", "Person 108", "Person 109", "Person 110", "Person 111", "Person 112", "Person 113", "Person 114", "Person 115", "Person 116", "Person 117", "Person 118", "Person 119", "Person 120", "Person 121", "Person 122", "Person 123", "Person 124", "Person 125", "Person 126", "Person 127", "Person 128", "Person 129", "Person 130", "Person 131", "Person 132", "Person 133", "Person 134", "Person 135", "Person 136", "Person 137", "Person 138", "Person 139", "Person 140", "Person 141", "Person 142", "Person 143", "Person 144", "Person 145", "Person 146", "Person 147", "Person 148", "Person 149", "Person 150", "Person 151", "Person 152", "Person 153", "Person 154", "Person 155", "Person 156", "Person 157", "Person 158", "Person 159", "Person 160", "Person 161", "Person 162", "Person 163", "Person 164", "Person 165", "Person 166", "Person 167", "Person 168", "Person 169", "Person 170", "Person 171", "Person 172", "Person 173", "Person 174", "Person 175", "Person 176", "Person 177", "Person 178", "Person 179", "Person 180", "Person 181", "Person 182", "Person 183", "Person 184", "Person 185", "Person 186", "Person 187", "Person 188", "Person 189", "Person 190", "Person 191", "Person 192", "Person 193", "Person 194", "Person 195", "Person 196", "Person 197", "Person 198", "Person 199", "Person 200", "Person 201", "Person 202", "Person 203", "Person 204", "Person 205", "Person 206", "Person 207", "Person 208", "Person 209", "Person 210", "Person 211", "Person 212", "Person 213", "Person 214", "Person 215", "Person 216", "Person 217", "Person 218", "Person 219", "Person 220", "Person 221", "Person 222", "Person 223", "Person 224", "Person 225", "Person 226", "Person 227", "Person 228", "Person 229", "Person 230", "Person 231", "Person 232", "Person 233", "Person 234", "Person 235", "Person 236", "Person 237", "Person 238", "Person 239", "Person 240", "Person 241", "Person 242", "Person 243", "Person 244", "Person 245", "Person 246", "Person 247", "Person 248", "Person 249", "Person 250", "Person 251", "Person 252", "Person 253", "Person 254", "Person 255", "Person 256", "Person 257", "Person 258", "Person 259", "Person 260", "Person 261", "Person 262", "Person 263", "Person 264", "Person 265", "Person 266", "Person 267", "Person 268", "Person 269", "Person 270", "Person 271", "Person 272", "Person 273", "Person 274", "Person 275", "Person 276", "Person 277", "Person 278", "Person 279", "Person 280", "Person 281", "Person 282", "Person 283", "Person 284", "Person 285", "Person 286", "Person 287", "Person 288", "Person 289", "Person 290", "Person 291", "Person 292", "Person 293", "Person 294", "Person 295", "Person 296", "Person 297", "Person 298", "Person 299"]', '["cs.LG", "I.2.6", "68T07"]', '2026-03-02 09:30:00+00', '2026-03-29 01:59:59.123456+00', NULL, NULL, NULL, NULL, '2026-03-29 01:59:59.123456+00', 'abababababababababababababababababababababababababababababababab');
INSERT INTO public.versions VALUES ('math/0611800', 2, 'Gone', 'We invent nothing and measure it twice.', '["Ada Example", "Bo Sample"]', '["cs.LG", "I.2.6", "68T07"]', '2026-03-02 09:30:00+00', '2026-03-29 01:59:59.123456+00', NULL, NULL, NULL, 'paper has been withdrawn', '2026-03-29 01:59:59.123456+00', 'abababababababababababababababababababababababababababababababab');
INSERT INTO public.windows VALUES (1, 1, '2026-03-02 00:00:00+00', '2026-03-09 00:00:00+00', 'done', 2, 2, 0, NULL, '2026-03-29 01:59:59.123456+00', NULL, NULL, NULL, NULL);
INSERT INTO public.windows VALUES (2, 1, '2026-03-09 00:00:00+00', '2026-03-16 00:00:00+00', 'suspect', NULL, NULL, 2, '2026-03-29 01:59:59.123456+00', NULL, 'HTTP 500', NULL, NULL, NULL);
INSERT INTO public.windows VALUES (3, 1, '2026-03-16 00:00:00+00', '2026-03-23 00:00:00+00', 'fetching', NULL, NULL, 1, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.windows VALUES (4, 1, '2026-03-23 00:00:00+00', '2026-03-30 00:00:00+00', 'pending', NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT pg_catalog.setval('public.decisions_id_seq', 2, true);
SELECT pg_catalog.setval('public.fetches_id_seq', 2, true);
SELECT pg_catalog.setval('public.passes_id_seq', 1, true);
SELECT pg_catalog.setval('public.segments_id_seq', 1, false);
SELECT pg_catalog.setval('public.sources_id_seq', 2, true);
SELECT pg_catalog.setval('public.windows_id_seq', 4, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.absences
    ADD CONSTRAINT pk_absences PRIMARY KEY (preprint_id, kind);
ALTER TABLE ONLY public.announcements
    ADD CONSTRAINT pk_announcements PRIMARY KEY (source_id, preprint_id, version, announce_type);
ALTER TABLE ONLY public.citation_answers
    ADD CONSTRAINT pk_citation_answers PRIMARY KEY (paper_id, source);
ALTER TABLE ONLY public.citations
    ADD CONSTRAINT pk_citations PRIMARY KEY (citing, cited, source);
ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT pk_decisions PRIMARY KEY (id);
ALTER TABLE ONLY public.document_tags
    ADD CONSTRAINT pk_document_tags PRIMARY KEY (tag, status, submitted, ref);
ALTER TABLE ONLY public.documents
    ADD CONSTRAINT pk_documents PRIMARY KEY (id);
ALTER TABLE ONLY public.duplicates
    ADD CONSTRAINT pk_duplicates PRIMARY KEY (one, other, reason);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT pk_events PRIMARY KEY (preprint_id, version, kind);
ALTER TABLE ONLY public.fetches
    ADD CONSTRAINT pk_fetches PRIMARY KEY (id);
ALTER TABLE ONLY public.match_keys
    ADD CONSTRAINT pk_match_keys PRIMARY KEY (ref);
ALTER TABLE ONLY public.meta
    ADD CONSTRAINT pk_meta PRIMARY KEY (key);
ALTER TABLE ONLY public.methods
    ADD CONSTRAINT pk_methods PRIMARY KEY (slug);
ALTER TABLE ONLY public.notices
    ADD CONSTRAINT pk_notices PRIMARY KEY (preprint_id, version, kind);
ALTER TABLE ONLY public.paper_leaves
    ADD CONSTRAINT pk_paper_leaves PRIMARY KEY (paper_id, leaf);
ALTER TABLE ONLY public.paper_methods
    ADD CONSTRAINT pk_paper_methods PRIMARY KEY (paper_id, method, relation);
ALTER TABLE ONLY public.papers
    ADD CONSTRAINT pk_papers PRIMARY KEY (id);
ALTER TABLE ONLY public.passes
    ADD CONSTRAINT pk_passes PRIMARY KEY (id);
ALTER TABLE ONLY public.postings
    ADD CONSTRAINT pk_postings PRIMARY KEY (segment_id, first);
ALTER TABLE ONLY public.preprints
    ADD CONSTRAINT pk_preprints PRIMARY KEY (id);
ALTER TABLE ONLY public.primaries
    ADD CONSTRAINT pk_primaries PRIMARY KEY (preprint_id, version, category);
ALTER TABLE ONLY public.revisions
    ADD CONSTRAINT pk_revisions PRIMARY KEY (preprint_id, version);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT pk_runs PRIMARY KEY (run_id);
ALTER TABLE ONLY public.segments
    ADD CONSTRAINT pk_segments PRIMARY KEY (id);
ALTER TABLE ONLY public.sightings
    ADD CONSTRAINT pk_sightings PRIMARY KEY (preprint_id, source_id);
ALTER TABLE ONLY public.sources
    ADD CONSTRAINT pk_sources PRIMARY KEY (id);
ALTER TABLE ONLY public.unindexed
    ADD CONSTRAINT pk_unindexed PRIMARY KEY (ref);
ALTER TABLE ONLY public.versions
    ADD CONSTRAINT pk_versions PRIMARY KEY (preprint_id, version);
ALTER TABLE ONLY public.windows
    ADD CONSTRAINT pk_windows PRIMARY KEY (id);
ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT uq_decisions_uid UNIQUE (uid);
ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT uq_decisions_undoes UNIQUE (undoes);
ALTER TABLE ONLY public.documents
    ADD CONSTRAINT uq_documents_kind_ref UNIQUE (kind, ref);
ALTER TABLE ONLY public.sources
    ADD CONSTRAINT uq_sources_kind_query_sha256 UNIQUE (kind, query_sha256);
ALTER TABLE ONLY public.windows
    ADD CONSTRAINT uq_windows_source_id_start_end UNIQUE (source_id, start, "end");
CREATE INDEX ix_citations_cited ON public.citations USING btree (cited);
CREATE INDEX ix_decisions_preprint_id ON public.decisions USING btree (preprint_id);
CREATE INDEX ix_document_tags_document_id ON public.document_tags USING btree (document_id);
CREATE INDEX ix_document_tags_updated ON public.document_tags USING btree (tag, status, updated, ref);
CREATE INDEX ix_documents_submitted ON public.documents USING btree (status, submitted, ref);
CREATE INDEX ix_documents_updated ON public.documents USING btree (status, updated, ref);
CREATE INDEX ix_match_keys_doi ON public.match_keys USING btree (doi);
CREATE INDEX ix_match_keys_title ON public.match_keys USING btree (title);
CREATE INDEX ix_paper_leaves_leaf ON public.paper_leaves USING btree (leaf);
CREATE INDEX ix_runs_method ON public.runs USING btree (method);
CREATE TRIGGER decisions_append_only BEFORE DELETE OR UPDATE ON public.decisions FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER fetches_append_only BEFORE DELETE OR UPDATE ON public.fetches FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER passes_append_only BEFORE DELETE OR UPDATE ON public.passes FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
ALTER TABLE ONLY public.announcements
    ADD CONSTRAINT fk_announcements_source_id_sources FOREIGN KEY (source_id) REFERENCES public.sources(id);
ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT fk_decisions_preprint_id_preprints FOREIGN KEY (preprint_id) REFERENCES public.preprints(id);
ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT fk_decisions_undoes_decisions FOREIGN KEY (undoes) REFERENCES public.decisions(id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT fk_events_preprint_id_preprints FOREIGN KEY (preprint_id) REFERENCES public.preprints(id);
ALTER TABLE ONLY public.fetches
    ADD CONSTRAINT fk_fetches_source_id_sources FOREIGN KEY (source_id) REFERENCES public.sources(id);
ALTER TABLE ONLY public.paper_leaves
    ADD CONSTRAINT fk_paper_leaves_paper_id_papers FOREIGN KEY (paper_id) REFERENCES public.papers(id);
ALTER TABLE ONLY public.paper_methods
    ADD CONSTRAINT fk_paper_methods_paper_id_papers FOREIGN KEY (paper_id) REFERENCES public.papers(id);
ALTER TABLE ONLY public.postings
    ADD CONSTRAINT fk_postings_segment_id_segments FOREIGN KEY (segment_id) REFERENCES public.segments(id);
ALTER TABLE ONLY public.primaries
    ADD CONSTRAINT fk_primaries_preprint_id_preprints FOREIGN KEY (preprint_id) REFERENCES public.preprints(id);
ALTER TABLE ONLY public.revisions
    ADD CONSTRAINT fk_revisions_preprint_id_preprints FOREIGN KEY (preprint_id) REFERENCES public.preprints(id);
ALTER TABLE ONLY public.sightings
    ADD CONSTRAINT fk_sightings_preprint_id_preprints FOREIGN KEY (preprint_id) REFERENCES public.preprints(id);
ALTER TABLE ONLY public.sightings
    ADD CONSTRAINT fk_sightings_source_id_sources FOREIGN KEY (source_id) REFERENCES public.sources(id);
ALTER TABLE ONLY public.versions
    ADD CONSTRAINT fk_versions_preprint_id_preprints FOREIGN KEY (preprint_id) REFERENCES public.preprints(id);
ALTER TABLE ONLY public.windows
    ADD CONSTRAINT fk_windows_source_id_sources FOREIGN KEY (source_id) REFERENCES public.sources(id);

