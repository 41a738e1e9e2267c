"""Public lists of papers: what they name, read row by row, and what is wrong in them.

::

    document    what was read: rows, what was passed over and why, links to headings
    events      Markdown and HTML as one stream of tags and text, each with its line
    walker      that stream as items: bullets, rows of tables, paragraphs, under their sections
    wording     titles, labels, dates, venues: what the words of an item are
    addresses   arXiv identifiers in addresses of every form, and what else an address is
    recover     an item as the papers it names
    readers     a file or an address as a document
    remember    a document as a source in the store
    titles      which title belongs to which identifier, looked up quickly
    likeness    whether two titles are one paper's
    audit       everything that is wrong in a document
"""
