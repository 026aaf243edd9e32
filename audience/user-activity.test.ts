import { describe, expect, test } from '@jest/globals';
import { StarlingError } from '../core/base/errors.js';
import { Activity, homeOf } from './user-activity.js';
import { HomeRoutes } from './home-routes.js';
import { uniformSequence } from './hashed-noise.js';

describe('Activity', () => {
  test('a tenth of the users makes about half of the requests, and everyone has a turn', () => {
    const activity = new Activity(1000);
    const draw = uniformSequence(1);
    const visits = new Uint32Array(1000);
    for (let i = 0; i < 100_000; i++) visits[activity.pick(draw())]!++;
    const busiest = visits.subarray(0, 100).reduce((sum, count) => sum + count, 0);
    expect(busiest / 100_000).toBeGreaterThan(0.4);
    expect(busiest / 100_000).toBeLessThan(0.6);
    expect(Math.min(...visits)).toBeGreaterThan(0);
  });

  test('the ends of the draw are the first and the last user', () => {
    const activity = new Activity(10);
    expect(activity.pick(0)).toBe(0);
    expect(activity.pick(1 - Number.EPSILON)).toBe(9);
    expect(new Activity(1).pick(0.999)).toBe(0);
  });
});

describe('HomeRoutes', () => {
  const timeout = new StarlingError('TIMEOUT', 'no answer');

  test('users are spread over the data centers and stay at home', () => {
    const homes = Array.from({ length: 1000 }, (_unused, user) => homeOf(user, 2));
    const first = homes.filter((home) => home === 0).length;
    expect(first).toBeGreaterThan(400);
    expect(first).toBeLessThan(600);
    const routes = new HomeRoutes(2);
    homes.forEach((home, user) =>
      expect(routes.route(user, 0)).toEqual({ index: home, rerouted: false }),
    );
  });

  test('after three silences in a row users go elsewhere, and come home later', () => {
    const routes = new HomeRoutes(2);
    const home = homeOf(5, 2);
    for (let i = 0; i < 3; i++) {
      expect(routes.route(5, 100).index).toBe(home);
      routes.failed(home, timeout, 100);
    }
    expect(routes.route(5, 101)).toEqual({ index: 1 - home, rerouted: true });
    expect(routes.route(5, 10_000)).toEqual({ index: home, rerouted: false });
    routes.failed(home, timeout, 10_000);
    expect(routes.route(5, 10_001).rerouted).toBe(true);
    routes.answered(home);
    routes.failed(home, timeout, 20_000);
    expect(routes.route(5, 20_001).rerouted).toBe(false);
  });

  test('a refused request says nothing about the data center', () => {
    const routes = new HomeRoutes(2);
    for (let i = 0; i < 10; i++)
      routes.failed(homeOf(5, 2), new StarlingError('BAD_REQUEST', 'k'), 0);
    expect(routes.route(5, 1).rerouted).toBe(false);
  });

  test('when all are silent, home is asked', () => {
    const routes = new HomeRoutes(2);
    for (const index of [0, 1, 0, 1, 0, 1]) routes.failed(index, timeout, 0);
    expect(routes.route(5, 1)).toEqual({ index: homeOf(5, 2), rerouted: false });
  });
});
