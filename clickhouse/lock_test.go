package clickhouse

func lockAndHangIfChild() {}
