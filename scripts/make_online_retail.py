#!/usr/bin/env python3
"""Makes Sources/Datasets/Data/online-retail.bin from the original UCI "Online Retail" table.

  scripts/make_online_retail.py path/to/online_retail.csv.gz [output-directory]

The input is the complete table (541,909 rows) as CSV, gzip-compressed, with the columns InvoiceNo,
StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country. The output is the
same bytes on every run; its SHA-256 is printed. Python's standard library is all it needs.

Rows kept: a CustomerID, InvoiceNo not starting with C (a cancellation), Quantity > 0, UnitPrice > 0,
StockCode starting with five digits. Nothing is aggregated: each kept row of the table is one row of
the file, with its invoice, minute, customer, country, item, quantity and unit price. Dropped are the
order of rows inside an invoice, and the spellings of a description that are not its item's own:
the description of an item is the most common one among the kept rows after white space at both ends
is removed; of equally common ones the lexicographically smallest (by Unicode code points, which here
are all ASCII).

FORMAT (version 1). `u` is an unsigned LEB128 number of at most 10 bytes in its shortest form, `s` is
`u` with zigzag sign, text is `u` (bytes) followed by UTF-8.

  magic        8 bytes "TACITRL1"
  epoch        s, seconds from 1970-01-01 00:00:00 of minute 0; times are the shop's own local time
               written without a zone, and are counted as if each day had 86,400 seconds
  countries    u count, then text each, ascending
  customers    u count, then u each: difference to the previous id (the first to 0), ascending
  items        u count, then (text code, text description) each, ascending by the code's bytes
  baskets      u count, then for each, ascending by (invoice, minute):
                 u invoice number minus the previous one's (the first from 0; 0 = same invoice)
                 s minute minus the previous basket's (the first from 0)
                 u customer index, u country index, u rows (at least 1)
                 rows, ascending by item, then in the order of the table:
                   u item minus the previous row's item (the first from 0)
                   u quantity (at least 1)
                   u unit price in pence, or 0 when it equals the last price of this item in the file
  checksum     4 bytes big-endian: CRC-32 (IEEE 802.3, as in zlib) of everything before it
"""

import collections
import csv
import datetime
import decimal
import gzip
import hashlib
import pathlib
import re
import sys
import zlib

MAGIC = b"TACITRL1"
COLUMNS = [
    "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID",
    "Country",
]
EPOCH = datetime.datetime(2010, 12, 1)
FIRST_TEST_DAY = datetime.datetime(2011, 10, 1)
EXPECTED = {
    "rows": 396_337, "customers": 4_334, "items": 3_659, "customers in train": 3_613,
    "customer-item pairs": 266_221, "customers evaluated": 1_838, "of them with a new item": 1_768,
}
NOTICE = """\
Online Retail
=============

online-retail.bin is made from the data set "Online Retail":

  Daqing Chen, "Online Retail", UCI Machine Learning Repository, 2015.
  https://doi.org/10.24432/C5BW33

  D. Chen, S. L. Sain, K. Guo, "Data mining for the online retail industry: A case study
  of RFM model-based customer segmentation using data mining", Journal of Database Marketing and
  Customer Strategy Management 19(3), 2012.

It is licensed under the Creative Commons Attribution 4.0 International licence (CC BY 4.0),
https://creativecommons.org/licenses/by/4.0/, and given without warranty. The licence of this
repository does not replace it.

Changes made (scripts/make_online_retail.py makes the file from the original, to the byte):
- rows without a CustomerID, cancellations (InvoiceNo starting with C), rows whose Quantity or
  UnitPrice is not positive, and rows whose StockCode does not start with five digits are left out:
  396,337 of 541,909 rows remain;
- the order of rows inside an invoice is replaced by the order of their stock codes;
- each stock code has one description, its most common one (of equally common ones the
  lexicographically smallest), without white space at its ends;
- the table is stored in a compact binary form of our own; no value is rounded.
"""


class TableError(Exception):
    """The input is not the table this script was written for."""


def unsigned(value):
    """LEB128, shortest form."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value):
    return unsigned(value << 1 if value >= 0 else (-value << 1) - 1)


def text(value):
    data = value.encode("utf-8")
    return unsigned(len(data)) + data


def pence(price):
    exact = decimal.Decimal(price) * 100
    if exact != int(exact):
        raise TableError(f"unit price {price} is not a whole number of pence")
    return int(exact)


def kept_rows(path):
    """Yields (invoice, minute, customer, country, code, description, quantity, pence)."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != COLUMNS:
            raise TableError(f"the columns are {reader.fieldnames}, not {COLUMNS}")
        for row in reader:
            if not row["CustomerID"] or row["InvoiceNo"].startswith("C"):
                continue
            if not re.match("[0-9]{5}", row["StockCode"]):
                continue
            quantity, price = int(row["Quantity"]), decimal.Decimal(row["UnitPrice"])
            if quantity <= 0 or price <= 0:
                continue
            moment = datetime.datetime.strptime(row["InvoiceDate"], "%Y-%m-%d %H:%M:%S")
            seconds = int((moment - EPOCH).total_seconds())
            if seconds < 0 or seconds % 60 != 0:
                raise TableError(f"time {row['InvoiceDate']} is before {EPOCH} or not a whole minute")
            yield (
                int(row["InvoiceNo"]), seconds // 60, int(row["CustomerID"]), row["Country"],
                row["StockCode"], row["Description"].strip(), quantity, pence(row["UnitPrice"]),
            )


def descriptions(rows):
    counts = collections.defaultdict(collections.Counter)
    for row in rows:
        counts[row[4]][row[5]] += 1
    return {
        code: min(found.items(), key=lambda pair: (-pair[1], pair[0]))[0]
        for code, found in counts.items()
    }


def measured(rows):
    first_test_minute = int((FIRST_TEST_DAY - EPOCH).total_seconds()) // 60
    train, test = collections.defaultdict(set), collections.defaultdict(set)
    for row in rows:
        (train if row[1] < first_test_minute else test)[row[2]].add(row[4])
    evaluated = train.keys() & test.keys()
    return {
        "rows": len(rows),
        "customers": len({row[2] for row in rows}),
        "items": len({row[4] for row in rows}),
        "customers in train": len(train),
        "customer-item pairs": len({(row[2], row[4]) for row in rows}),
        "customers evaluated": len(evaluated),
        "of them with a new item": sum(1 for customer in evaluated if test[customer] - train[customer]),
    }


def encoded(rows):
    countries = sorted({row[3] for row in rows})
    customers = sorted({row[2] for row in rows})
    names = descriptions(rows)
    codes = sorted(names, key=lambda code: code.encode("utf-8"))
    country_index = {country: index for index, country in enumerate(countries)}
    customer_index = {customer: index for index, customer in enumerate(customers)}
    item_index = {code: index for index, code in enumerate(codes)}

    out = bytearray(MAGIC)
    out += signed(int((EPOCH - datetime.datetime(1970, 1, 1)).total_seconds()))
    out += unsigned(len(countries))
    for country in countries:
        out += text(country)
    out += unsigned(len(customers))
    previous = 0
    for customer in customers:
        out += unsigned(customer - previous)
        previous = customer
    out += unsigned(len(codes))
    for code in codes:
        out += text(code) + text(names[code])

    baskets = collections.defaultdict(list)
    for invoice, minute, customer, country, code, _, quantity, price in rows:
        key = (invoice, minute, customer_index[customer], country_index[country])
        baskets[key].append((item_index[code], quantity, price))
    keys = sorted(baskets)
    if len({key[:2] for key in keys}) != len(keys):
        raise TableError("an invoice names two customers or countries at one time")
    out += unsigned(len(keys))
    previous_invoice, previous_minute, last_price = 0, 0, {}
    for key in keys:
        invoice, minute, customer, country = key
        basket = sorted(baskets[key], key=lambda row: row[0])
        out += unsigned(invoice - previous_invoice) + signed(minute - previous_minute)
        out += unsigned(customer) + unsigned(country) + unsigned(len(basket))
        previous_invoice, previous_minute, previous_item = invoice, minute, 0
        for item, quantity, price in basket:
            out += unsigned(item - previous_item) + unsigned(quantity)
            out += unsigned(0 if last_price.get(item) == price else price)
            previous_item, last_price[item] = item, price
    return bytes(out) + zlib.crc32(out).to_bytes(4, "big")


def main(arguments):
    if len(arguments) not in (1, 2):
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    here = pathlib.Path(__file__).resolve().parent
    directory = pathlib.Path(arguments[1]) if len(arguments) == 2 else (
        here.parent / "Sources" / "Datasets" / "Data")
    try:
        rows = list(kept_rows(arguments[0]))
        counts = measured(rows)
        for name, count in counts.items():
            print(f"{name}: {count:,}")
            if count != EXPECTED[name]:
                raise TableError(f"{name}: {count:,}, expected {EXPECTED[name]:,}")
        data = encoded(rows)
    except (TableError, OSError, ValueError) as error:
        print(f"make_online_retail: {error}", file=sys.stderr)
        return 5
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "online-retail.bin").write_bytes(data)
    (directory / "NOTICE.txt").write_text(NOTICE, encoding="utf-8")
    print(f"online-retail.bin: {len(data):,} bytes, SHA-256 {hashlib.sha256(data).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
