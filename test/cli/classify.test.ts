import { randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classify } from '../../src/cli/classify.ts';

const kindOf = (name: string, value: string): string => classify(name, value).kind;

describe('classify', () => {
  it.each([
    ['PORT', '3000'],
    ['NODE_ENV', 'development'],
    ['LOG_LEVEL', 'info'],
    ['DEBUG', 'true'],
    ['AUTH_ENABLED', 'false'],
    ['API_URL', 'https://api.example.com/v1'],
    ['PUBLIC_ORIGIN', 'http://localhost:8080'],
    ['DB_HOST', 'db.internal.example.com'],
    ['DB_NAME', 'orders'],
    ['DB_USER', 'app'],
    ['AWS_REGION', 'eu-west-1'],
    ['S3_BUCKET', 'orders-service-staging-2'],
    ['TOKEN_TTL', '3600'],
    ['SESSION_TIMEOUT', '30m'],
    ['JWT_ALGORITHM', 'HS256'],
    ['CACHE_SIZE', '64mb'],
    ['TZ', 'Europe/Berlin'],
    ['REDIS_URL', 'redis://localhost:6379/0'],
    ['FEATURE_X', 'on'],
    ['DATA_DIR', './data'],
    ['EMPTY', ''],
    ['API_KEY', ''],
  ])('takes %s=%s for a plain setting', (name, value) => {
    expect(kindOf(name, value)).toBe('plain');
  });

  it.each([
    ['API_KEY', 'canary-short'],
    ['STRIPE_SECRET', 'canary'],
    ['DB_PASSWORD', '123456'],
    ['dbPassword', 'hunter'],
    ['GITHUB_TOKEN', 'canary-0f3a'],
    ['SENTRY_DSN', 'https://o1.ingest.example.com/2'],
    ['DATABASE_URL', 'postgres://app:canary@db.example.com/orders'],
    ['MONGO_URI', 'mongodb+srv://app:canary@cluster.example.com'],
    ['REDIS_URL', 'redis://:canary@localhost:6379'],
    ['PUSH_URL', 'https://canary@push.example.com'],
    ['DB_CONNECTION', 'Server=db;Database=orders;User Id=app;Password=canary'],
    ['JDBC_URL', 'jdbc:postgresql://db/orders?user=app&password=canary'],
    ['STORAGE_URL', 'https://x.example.com/c?sv=1&sig=canary'],
    ['CALLBACK_URL', 'https://hooks.example.com/services/T04ABCDEF12/B04ABCDEF12/canaryXyZ12canaryQ9'],
    ['TLS', '-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----'],
    ['APP_ID', '9f86d081884c7d65'],
    ['SOMETHING', 'a value that says little'],
    ['ACCOUNT', '123456789012'],
    ['LOG_LEVEL', '9f86d081884c7d659a2feaa0c55ad015'],
    ['DB_NAME', 'k3yQ9zLp02mVxW7r'],
  ])('takes %s for a secret', (name, value) => {
    expect(kindOf(name, value)).toBe('secret');
  });

  it('takes what is random for a secret, whatever it is called', () => {
    const names = fc.constantFrom('PORT', 'NODE_ENV', 'LOG_LEVEL', 'API_URL', 'DB_NAME', 'HOST', 'REGION', 'ANYTHING');
    const encodings = fc.constantFrom<BufferEncoding>('hex', 'base64', 'base64url');
    fc.assert(
      fc.property(names, encodings, fc.uint8Array({ minLength: 16, maxLength: 48 }), (name, encoding, noise) => {
        const bytes = randomBytes(noise.length);
        expect(kindOf(name, bytes.toString(encoding))).toBe('secret');
        expect(kindOf(name, `https://api.example.com/${bytes.toString('hex')}`)).toBe('secret');
      }),
    );
  });

  it('never repeats the value in its reason', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 8 }), (value) => {
        fc.pre(value.trim().length >= 8);
        expect(classify('NAME', value).why).not.toContain(value);
      }),
    );
  });
});
