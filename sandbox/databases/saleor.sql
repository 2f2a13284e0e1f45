CREATE TABLE account_user (
    id serial PRIMARY KEY,
    password varchar(128) NOT NULL,
    last_login timestamptz,
    is_superuser boolean NOT NULL DEFAULT false,
    email varchar(254) NOT NULL UNIQUE,
    is_staff boolean NOT NULL DEFAULT false,
    is_active boolean NOT NULL DEFAULT true,
    is_confirmed boolean NOT NULL DEFAULT true,
    date_joined timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    first_name varchar(256) NOT NULL DEFAULT '',
    last_name varchar(256) NOT NULL DEFAULT '',
    note text,
    language_code varchar(35) NOT NULL DEFAULT 'en',
    jwt_token_key varchar(12) NOT NULL DEFAULT '',
    uuid uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    metadata jsonb NOT NULL DEFAULT '{}',
    private_metadata jsonb NOT NULL DEFAULT '{}'
);
CREATE TABLE product_product (
    id serial PRIMARY KEY,
    name varchar(250) NOT NULL,
    slug varchar(255) NOT NULL UNIQUE,
    description jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    metadata jsonb NOT NULL DEFAULT '{}',
    private_metadata jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX product_product_name ON product_product (name);
INSERT INTO account_user (email, password, is_superuser, is_staff)
    VALUES ('admin@kyeol.click', '!' || gen_random_uuid(), true, true);
INSERT INTO account_user (email, password)
    SELECT 'customer-' || number || '@kyeol.click', '!' || gen_random_uuid() FROM generate_series(1, 5) AS number;
INSERT INTO product_product (name, slug)
    SELECT name, lower(replace(name, ' ', '-'))
    FROM unnest(ARRAY['Linen Shirt', 'Canvas Bag', 'Wool Scarf', 'Clay Cup', 'Oak Tray', 'Brass Lamp',
                      'Cotton Robe', 'Glass Jug', 'Felt Slippers', 'Silk Pouch', 'Rush Mat', 'Paper Fan']) AS name;
