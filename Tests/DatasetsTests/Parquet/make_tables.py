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

# The five tables of a journey, small enough to read by eye.
import os
os.makedirs(out+'/journey',exist_ok=True)
i64=lambda *v:pa.array(v,pa.int64())
f64=lambda *v:pa.array(v,pa.float64())
text=lambda *v:pa.array(v,pa.string())
time=lambda *v:pa.array([dt.datetime(*x) for x in v],pa.timestamp('ns'))
journey={
 'products':{'product_id':i64(1,2,3,4),'department':text('PRODUCE','PRODUCE','FUEL','OTHER'),
  'product_category':text('FRUIT','BERRIES','GAS',None),'product_type':text('APPLES','APPLES','UNLEADED',None)},
 'transactions':{'household_id':i64(7,5,5),'basket_id':i64(70,50,50),'product_id':i64(1,3,4),
  'quantity':i64(2,12000,1),'sales_value':f64(3,20,0),'retail_disc':f64(.5,0,0),'coupon_disc':f64(.25,0,0),
  'coupon_match_disc':f64(.25,0,0),
  'transaction_timestamp':time((2017,1,2,3,0,0),(2017,1,2,5,0,0),(2017,1,2,5,0,0))},
 'campaigns':{'campaign_id':i64(12,11,12),'household_id':i64(7,9,5)},
 'campaign_descriptions':{'campaign_id':i64(12,11),'campaign_type':text('Type A','Type C'),
  'start_date':time((2017,3,1),(2017,2,1))},
 'coupon_redemptions':{'household_id':i64(7),'campaign_id':i64(12),'redemption_date':time((2017,3,5))},
}
for name,columns in journey.items():
 pq.write_table(pa.table(columns),f'{out}/journey/{name}.parquet',compression='snappy',version='1.0',use_deprecated_int96_timestamps=True)
