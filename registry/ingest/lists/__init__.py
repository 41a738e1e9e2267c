"""Public lists of papers: what they name, read row by row, and what is wrong in them.

::

    document    what was read: rows, what was passed over and why, links to headings
    events      Markdown and HTML as one stream of tags and text, each with its line
    items       bullets, rows of tables, paragraphs and headings: what may name papers
    grid        a table by rows and columns
    walker      that stream as items, under their sections
    wording     titles, labels, dates, venues: what the words of an item are
    people      names of people in running text, and the title among them
    title       the title among the stretches of text of an item
    addresses   arXiv identifiers in addresses of every form, and what else an address is
    together    items that are one paper's: a title, and what stands below it
    rows        a row from stretches of text, or the reason why there is none
    tables      a row of a table by the heads of its columns
    recover     an item as the papers it names
    readers     a file or an address as a document
    remember    a document as a source in the store
    titles      which title belongs to which identifier, looked up quickly
    likeness    whether two titles are one paper's
    knowledge   what catalog, store and an index of titles know of the papers named
    sections    the leaf of the taxonomy that a section stands for
    audit       everything that is wrong in a document
"""
