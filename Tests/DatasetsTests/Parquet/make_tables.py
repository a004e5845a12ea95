# Tiny made tables: python3 with pyarrow 26; written as the tests' golden files.
import pyarrow as pa, pyarrow.parquet as pq, sys, datetime as dt
out=sys.argv[1]
n=300
t=pa.table({'number':pa.array([i*i-50 for i in range(n)],pa.int64()),
 'amount':pa.array([i/4 for i in range(n)],pa.float64()),
 'text':pa.array([None if i%7==0 else f'name {i%5}' for i in range(n)],pa.string()),
 'time':pa.array([dt.datetime(2017,1,1,11,53,26)+dt.timedelta(hours=i) for i in range(n)],pa.timestamp('ns'))})
pq.write_table(t,out+'/dictionary.parquet',compression='snappy',version='1.0',use_deprecated_int96_timestamps=True,row_group_size=128)
pq.write_table(t,out+'/plain.parquet',compression='none',version='1.0',use_deprecated_int96_timestamps=True,use_dictionary=False)
pq.write_table(t.slice(0,3),out+'/zstd.parquet',compression='zstd',version='1.0',use_deprecated_int96_timestamps=True)
