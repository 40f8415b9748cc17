-- What the Kafka table engine gives of one UsageRecorded. Nested messages are columns with a dot. The
-- types are the table's own where the engine can read them, which spares the view a conversion.
CREATE TABLE bench.kafka
(
    request_id String,
    node String,
    seq UInt64,
    occurred_at Int64,
    dimensions Tuple(org_id String, project String, group_id String, key_id String, member_id String, user_id String, trace_id String, tags Array(String), extra Map(String, String), origin_referer String, origin_title String, endpoint String, requested_model String, policy String, stream Bool),
    model String,
    provider String,
    region String,
    service_tier String,
    byok Bool,
    cache String,
    shadow Bool,
    status Int32,
    error_kind String,
    tokens Tuple(input Int64, cached_input Int64, cache_write Int64, output Int64, reasoning Int64),
    units Map(String, Int64),
    estimated Bool,
    price_unknown Bool,
    tokens_rejected Bool,
    price_version String,
    cost_pico Int64,
    saved_pico Int64,
    latency_us Int64,
    ttft_us Int64,
    attempts Int32
)
ENGINE = Kafka
SETTINGS kafka_broker_list = '{brokers}', kafka_topic_list = 'weir.usage', kafka_group_name = 'bench',
    kafka_format = 'ProtobufSingle', kafka_schema = 'events.proto:UsageRecorded'
